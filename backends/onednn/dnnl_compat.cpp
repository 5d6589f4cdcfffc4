#include "backends/onednn/dnnl_compat.h"

#include <algorithm>
#include <cstddef>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>
#include <utility>

#include "ir/check.h"

namespace gptc::onednn {
namespace {

// Both live as long as the program: primitives may die in any order at exit.
const dnnl::engine& cpu_engine() {
  static const auto* engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

const dnnl::stream& cpu_stream() {
  static const auto* stream = new dnnl::stream(cpu_engine());
  return *stream;
}

dnnl::memory::data_type data_type(ir::DType dtype) {
  switch (dtype) {
    case ir::DType::f32:
      return dnnl::memory::data_type::f32;
    case ir::DType::bf16:
      return dnnl::memory::data_type::bf16;
    case ir::DType::i32:
      return dnnl::memory::data_type::s32;
    case ir::DType::i8:
      return dnnl::memory::data_type::s8;
    case ir::DType::f64:
    case ir::DType::i64:
      break;
  }
  ir::internal_error("oneDNN has no {}", ir::dtype_name(dtype));
}

/// Two-dimensional unless the result is a batch.
dnnl::memory::desc desc_of(const MatrixLayout& layout, bool batched) {
  dnnl::memory::dims dims{layout.rows, layout.cols};
  dnnl::memory::dims strides{layout.row_stride, layout.col_stride};
  if (batched) {
    dims.insert(dims.begin(), layout.batch);
    strides.insert(strides.begin(), layout.batch_stride);
  }
  return {dims, data_type(layout.dtype), strides};
}

/// An operand laid out like the result.
MatrixLayout like(const MatrixLayout& c, ir::DType dtype) {
  MatrixLayout layout = c;
  layout.dtype = dtype;
  return layout;
}

void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm algorithm) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(algorithm, 0.F, 0.F);
#else
  ops.append_eltwise(1.F, algorithm, 0.F, 0.F);
#endif
}

/// oneDNN offers its block kernels (brgemm) first. They read a plain b in place, which costs up to
/// a third where b outgrows the L2 cache (worst with rows of a multiple of 4 KiB); the packing gemm
/// does not mind. Small results stay with the block kernels: there gemm would cut the sum over K
/// between threads, and its bits would depend on their number. In bf16 a transposed b is packed by
/// the block kernels as well as by gemm, once for some thousand rows.
bool prefers_packing(const MatmulSpec& spec) {
  constexpr std::int64_t l2_elements = std::int64_t{1} << 18;
  constexpr std::int64_t many_rows = 4096;
  const bool large = !spec.repack_b && spec.c.batch == 1 && spec.c.rows >= 256 &&
                     spec.c.cols >= 256 && spec.b.rows * spec.b.cols >= l2_elements;
  if (spec.b.dtype == ir::DType::f32) return large;
  return large && (spec.a.col_stride != 1 || spec.c.rows >= many_rows);
}

void choose_implementation(dnnl::matmul::primitive_desc& desc, const MatmulSpec& spec) {
  if (!prefers_packing(spec)) return;
  dnnl::matmul::primitive_desc candidate = desc;
  do {
    if (std::string_view(candidate.impl_info_str()).starts_with("gemm:")) {
      desc = std::move(candidate);
      return;
    }
  } while (candidate.next_impl());
}

dnnl::matmul::primitive_desc make_desc(const MatmulSpec& spec, const dnnl::memory::desc& a,
                                       const dnnl::memory::desc& b, const dnnl::memory::desc& bias,
                                       const dnnl::memory::desc& c,
                                       const dnnl::primitive_attr& attr) {
#if DNNL_VERSION_MAJOR >= 3
  dnnl::matmul::primitive_desc desc(cpu_engine(), a, b, bias, c, attr);
#else
  const dnnl::matmul::desc operation(a, b, bias, c);  // next_impl() still refers to it
  dnnl::matmul::primitive_desc desc(operation, attr, cpu_engine());
#endif
  choose_implementation(desc, spec);
  return desc;
}

std::int64_t bytes_of(const dnnl::memory::desc& desc) {
  return static_cast<std::int64_t>(desc.get_size());
}

std::int64_t aligned(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// The same matrix in whatever layout oneDNN likes.
dnnl::memory::desc any_layout(const dnnl::memory::desc& desc) {
  return {desc.dims(), desc.data_type(), dnnl::memory::format_tag::any};
}

dnnl::memory memory_at(const dnnl::memory::desc& desc, const std::byte* data) {
  // oneDNN takes no const pointers; it only reads what is no destination.
  return {desc, cpu_engine(), const_cast<std::byte*>(data)};
}

}  // namespace

MatrixLayout MatrixLayout::plain(ir::DType dtype, std::int64_t batch, std::int64_t rows,
                                 std::int64_t cols) {
  return {.dtype = dtype,
          .batch = batch,
          .rows = rows,
          .cols = cols,
          .batch_stride = rows * cols,
          .row_stride = cols,
          .col_stride = 1};
}

MatrixLayout MatrixLayout::transposed() const {
  MatrixLayout other = *this;
  std::swap(other.rows, other.cols);
  std::swap(other.row_stride, other.col_stride);
  return other;
}

struct MatmulPrimitive::Impl {
  dnnl::memory::desc a, b, bias, c;
  dnnl::matmul::primitive_desc desc;
  dnnl::matmul primitive;
  /// Copies b into the layout that the product reads; none where that is b's own.
  dnnl::reorder::primitive_desc repack_desc;
  dnnl::reorder repack;
  bool repacks = false;
  /// Argument index and descriptor of each operand, in the order of MatmulPointers::operands.
  std::vector<std::pair<int, dnnl::memory::desc>> operands;

  explicit Impl(const MatmulSpec& spec);
};

MatmulPrimitive::Impl::Impl(const MatmulSpec& spec) {
  const bool batched = spec.c.batch > 1;
  a = desc_of(spec.a, batched);
  b = desc_of(spec.b, batched);
  c = desc_of(spec.c, batched);
  dnnl::post_ops ops;
  for (const auto& [op, dtype] : spec.post_ops) {
    const int arg = DNNL_ARG_ATTR_MULTIPLE_POST_OP(ops.len()) | DNNL_ARG_SRC_1;
    const dnnl::memory::desc row = desc_of(MatrixLayout::plain(dtype, 1, 1, spec.c.cols), batched);
    if (op == PostOp::bias_row && operands.empty() && ops.len() == 0) {
      bias = row;
      operands.emplace_back(DNNL_ARG_BIAS, row);
    } else if (op == PostOp::bias_row) {
      ops.append_binary(dnnl::algorithm::binary_add, row);
      operands.emplace_back(arg, row);
    } else if (op == PostOp::gelu_tanh) {
      append_eltwise(ops, dnnl::algorithm::eltwise_gelu_tanh);
    } else if (op == PostOp::relu) {
      append_eltwise(ops, dnnl::algorithm::eltwise_relu);
    } else if (op == PostOp::accumulate) {
      ops.append_sum(1.F);
    } else {
      const bool is_mul = op == PostOp::mul;
      const dnnl::memory::desc operand = desc_of(like(spec.c, dtype), batched);
      ops.append_binary(is_mul ? dnnl::algorithm::binary_mul : dnnl::algorithm::binary_add,
                        operand);
      operands.emplace_back(arg, operand);
    }
  }
  dnnl::primitive_attr attr;
  attr.set_post_ops(ops);
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  desc = make_desc(spec, a, spec.repack_b ? any_layout(b) : b, bias, c, attr);
  primitive = dnnl::matmul(desc);
  repacks = desc.weights_desc() != b;
  if (!repacks) return;
  dnnl::primitive_attr repack_attr;
  repack_attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  repack_desc = {cpu_engine(), b, cpu_engine(), desc.weights_desc(), repack_attr};
  repack = dnnl::reorder(repack_desc);
}

namespace {

/// A primitive and the memory of its arguments.
struct BoundPrimitive {
  dnnl::primitive primitive;
  std::vector<dnnl::memory> memories;
  std::vector<dnnl_exec_arg_t> args;

  void add(int arg, dnnl::memory memory) {
    args.push_back({arg, memory.get()});
    memories.push_back(std::move(memory));
  }
  void execute() const {
    const dnnl_status_t status = dnnl_primitive_execute(primitive.get(), cpu_stream().get(),
                                                        static_cast<int>(args.size()), args.data());
    if (status != dnnl_success) ir::internal_error("oneDNN matmul failed with status {}", +status);
  }
};

}  // namespace

struct MatmulCall::Impl {
  BoundPrimitive repack;  // empty: b is read where it lies
  BoundPrimitive product;
};

MatmulCall::MatmulCall(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MatmulCall::MatmulCall(MatmulCall&&) noexcept = default;
MatmulCall& MatmulCall::operator=(MatmulCall&&) noexcept = default;
MatmulCall::~MatmulCall() = default;

void MatmulCall::execute() const {
  if (!impl_->repack.args.empty()) impl_->repack.execute();
  impl_->product.execute();
}

MatmulPrimitive::MatmulPrimitive(const MatmulSpec& spec) {
  try {
    impl_ = std::make_shared<const Impl>(spec);
  } catch (const dnnl::error& error) {
    ir::internal_error("oneDNN {} refuses a matmul [{},{},{}]x[{},{},{}]: {}", dnnl_version_text(),
                       spec.a.batch, spec.a.rows, spec.a.cols, spec.b.batch, spec.b.rows,
                       spec.b.cols, error.what());
  }
}

// The scratchpad: the copy of b, then what the copying or the product needs besides.
std::int64_t MatmulPrimitive::scratchpad_bytes() const {
  const std::int64_t product = bytes_of(impl_->desc.scratchpad_desc());
  if (!impl_->repacks) return product;
  return aligned(bytes_of(impl_->desc.weights_desc())) +
         std::max(product, bytes_of(impl_->repack_desc.scratchpad_desc()));
}

MatmulCall MatmulPrimitive::bind(const MatmulPointers& pointers) const {
  ir::internal_check(pointers.operands.size() == impl_->operands.size(),
                     "oneDNN matmul: {} operands for {} post-ops", pointers.operands.size(),
                     impl_->operands.size());
  auto call = std::make_unique<MatmulCall::Impl>();
  const dnnl::memory::desc weights = impl_->desc.weights_desc();
  std::byte* scratchpad = pointers.scratchpad;
  const std::byte* b = pointers.b;
  const auto add_scratchpad = [&](BoundPrimitive& bound, const dnnl::memory::desc& desc) {
    if (bytes_of(desc) > 0) bound.add(DNNL_ARG_SCRATCHPAD, memory_at(desc, scratchpad));
  };
  if (impl_->repacks) {
    b = scratchpad;
    scratchpad += aligned(bytes_of(weights));
    call->repack.primitive = impl_->repack;
    call->repack.add(DNNL_ARG_FROM, memory_at(impl_->b, pointers.b));
    call->repack.add(DNNL_ARG_TO, memory_at(weights, b));
    add_scratchpad(call->repack, impl_->repack_desc.scratchpad_desc());
  }
  BoundPrimitive& product = call->product;
  product.primitive = impl_->primitive;
  product.add(DNNL_ARG_SRC, memory_at(impl_->a, pointers.a));
  product.add(DNNL_ARG_WEIGHTS, memory_at(weights, b));
  product.add(DNNL_ARG_DST, memory_at(impl_->c, pointers.c));
  for (std::size_t i = 0; i < impl_->operands.size(); ++i) {
    const auto& [arg, desc] = impl_->operands[i];
    product.add(arg, memory_at(desc, pointers.operands[i]));
  }
  add_scratchpad(product, impl_->desc.scratchpad_desc());
  return MatmulCall(std::move(call));
}

std::int64_t packing_bytes(const MatmulSpec& spec, int threads) {
  constexpr std::int64_t deep = 384;   // of K
  constexpr std::int64_t wide = 9984;  // of N; oneDNN's own order is by columns
  constexpr std::int64_t high = 384;   // of M
  if (!prefers_packing(spec)) return 0;
  const std::int64_t sides = std::min(spec.c.cols, wide) + std::min(spec.c.rows, high);
  return threads * std::min(spec.a.cols, deep) * sides * ir::dtype_bytes(spec.a.dtype);
}

bool has_block_kernels() {
#if defined(__x86_64__)
  constexpr auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  static const auto there = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  return (there & wanted) == wanted;
#else
  return false;
#endif
}

std::string dnnl_version_text() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace gptc::onednn
