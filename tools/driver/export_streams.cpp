#include "tools/driver/export_streams.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "frontend/formats/error.h"
#include "ir/check.h"

namespace gptc::driver {
namespace {

using formats::ByteSink;
using formats::Encoding;
using formats::TensorStream;

/// Elements converted at a time: a multiple of every encoding's block.
constexpr std::size_t chunk = std::size_t{1} << 18;

/// The first number that becomes infinite where it, or a block's scale, is a binary16.
float limit_of(Encoding encoding) {
  constexpr float f16_limit = 65520.0F;
  constexpr float q8_0_steps = 127.0F;
  constexpr float q4_0_steps = 8.0F;
  if (encoding == Encoding::F16) return f16_limit;
  if (encoding == Encoding::Q8_0) return f16_limit * q8_0_steps;
  if (encoding == Encoding::Q4_0) return f16_limit * q4_0_steps;
  return std::numeric_limits<float>::infinity();
}

/// Converts parts of one tensor and hands them on.
class Encoder {
 public:
  Encoder(const WeightReader& from, Encoding encoding, const ByteSink& sink)
      : from_(from), encoding_(encoding), sink_(sink) {}

  void push(std::span<const float> values) {
    const float limit = limit_of(encoding_);
    const auto bad = std::ranges::find_if(values, [&](float x) { return std::fabs(x) >= limit; });
    ir::user_check(
        bad == values.end(),
        "{}: tensor {} must fit {} to be exported so, but holds {}; take another --dtype",
        from_.origin(), formats::in_quotes(from_.name()), formats::name(encoding_),
        bad == values.end() ? 0.F : *bad);
    bytes_.resize(values.size() / formats::block_elements(encoding_) *
                  formats::block_bytes(encoding_));
    formats::encode_floats(encoding_, values, bytes_);
    sink_(bytes_);
  }

 private:
  const WeightReader& from_;
  Encoding encoding_;
  const ByteSink& sink_;
  std::vector<std::byte> bytes_;
};

void write_plain(const WeightReader& reader, Encoding encoding, const ByteSink& sink) {
  Encoder encoder(reader, encoding, sink);
  std::vector<float> values(std::min(chunk, reader.size()));
  for (std::size_t done = 0; done < reader.size(); done += values.size()) {
    const auto part = std::span(values).first(std::min(values.size(), reader.size() - done));
    reader.read(done, part);
    encoder.push(part);
  }
}

/// Column after column of a [rows, columns] matrix.
void write_transposed(const WeightReader& reader, std::size_t columns, Encoding encoding,
                      const ByteSink& sink) {
  std::vector<float> values(reader.size());
  reader.read_all(values);
  const std::size_t rows = reader.size() / columns;
  const std::size_t together = std::max<std::size_t>(1, std::min(columns, chunk / rows));
  std::vector<float> part(together * rows);
  Encoder encoder(reader, encoding, sink);
  for (std::size_t first = 0; first < columns; first += together) {
    const std::size_t count = std::min(together, columns - first);
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t i = 0; i < count; ++i)
        part[i * rows + row] = values[row * columns + first + i];
    encoder.push(std::span(part).first(count * rows));
  }
}

void write_zeros(const TensorStream& stream, const ByteSink& sink) {
  sink(std::vector<std::byte>(formats::stored_bytes(stream)));
}

Encoding encoding_for(const dsl::FileTensor& tensor, const std::vector<std::int64_t>& shape,
                      const StreamOptions& options) {
  if (tensor.exact) return Encoding::F32;
  const auto block = static_cast<std::int64_t>(formats::block_elements(options.encoding));
  return !shape.empty() && shape.back() % block == 0 ? options.encoding : options.instead;
}

}  // namespace

std::vector<TensorStream> export_streams(const std::vector<dsl::FileTensor>& tensors,
                                         const ir::Module& module,
                                         const std::shared_ptr<const Weights>& weights,
                                         const StreamOptions& options) {
  std::vector<TensorStream> streams;
  for (const dsl::FileTensor& tensor : tensors) {
    TensorStream stream{.name = tensor.name, .shape = tensor.shape};
    if (tensor.role == dsl::TensorRole::zeros) {
      stream.encoding = encoding_for(tensor, stream.shape, options);
      stream.write = [stream](const ByteSink& sink) { write_zeros(stream, sink); };
      streams.push_back(std::move(stream));
      continue;
    }
    if (tensor.role != dsl::TensorRole::parameter) continue;
    stream.shape = module.find_state(tensor.parameter)->type.shape.sizes();
    const auto columns = stream.shape.empty() ? 1 : static_cast<std::size_t>(stream.shape.back());
    if (tensor.transposed) std::ranges::reverse(stream.shape);
    stream.encoding = encoding_for(tensor, stream.shape, options);
    stream.write = [weights, name = tensor.parameter, encoding = stream.encoding, columns,
                    transposed = tensor.transposed](const ByteSink& sink) {
      const WeightReader& reader = weights->at(name);
      if (transposed)
        write_transposed(reader, columns, encoding, sink);
      else
        write_plain(reader, encoding, sink);
    };
    streams.push_back(std::move(stream));
  }
  return streams;
}

}  // namespace gptc::driver
