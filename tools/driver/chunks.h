// How a text is cut for reading: each length of a chunk has a graph of its own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gptc::driver {

/// The lengths there are for caches of `context` positions and `batch` texts at a time, ascending
/// from 1. Longer ones read the weights more seldom; all texts of a chunk together have so many
/// tokens at most that this is worth their memory.
std::vector<std::int64_t> chunk_lengths(std::int64_t context, std::int64_t batch);

/// The length of the first chunk when `count` tokens, at least one, are read as fast as possible;
/// the last chunk of a text may be longer than what is left. `lengths` ascend from 1.
std::int64_t next_chunk(std::int64_t count, std::span<const std::int64_t> lengths);

}  // namespace gptc::driver
