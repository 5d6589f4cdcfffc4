#include "frontend/formats/tensor_stream.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/formats/checked.h"
#include "frontend/formats/error.h"

namespace gptc::formats {

std::uint64_t stored_bytes(const TensorStream& tensor) {
  const auto elements = checked_elements(tensor.shape);
  const std::uint64_t block = block_elements(tensor.encoding);
  const std::string what = fmt::format("{} {}[{}]", in_quotes(tensor.name), name(tensor.encoding),
                                       fmt::join(tensor.shape, ","));
  const auto row = tensor.shape.empty()
                       ? std::uint64_t{1}
                       : checked_narrow<std::uint64_t>(tensor.shape.back()).value_or(0);
  if (elements && row % block != 0)
    throw Error(fmt::format("tensor {}: a row must be whole blocks of {} elements", what, block));
  const auto bytes =
      elements ? checked_mul<std::uint64_t>(*elements / block, block_bytes(tensor.encoding))
               : std::nullopt;
  if (!bytes) throw Error(fmt::format("tensor {}: its size is negative or exceeds 64 bits", what));
  return *bytes;
}

void write_stream(const TensorStream& tensor, const ByteSink& sink) {
  const std::uint64_t wanted = stored_bytes(tensor);
  std::uint64_t written = 0;
  tensor.write([&](std::span<const std::byte> bytes) {
    written += bytes.size();
    if (written <= wanted) sink(bytes);
  });
  if (written != wanted)
    throw Error(fmt::format("tensor {}: it takes {} bytes, but {} were written",
                            in_quotes(tensor.name), wanted, written));
}

}  // namespace gptc::formats
