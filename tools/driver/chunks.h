// How a text is cut for reading: each length of a chunk has a graph of its own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gptc::driver {

/// The lengths there always are for caches of `context` positions and `batch` texts at a time,
/// ascending from 1. Longer ones read the weights more seldom; all texts of a chunk together have
/// so many tokens at most that this is worth their memory.
std::vector<std::int64_t> chunk_lengths(std::int64_t context, std::int64_t batch);

/// A length that chunks may have, and whether its graph has been compiled.
struct ChunkLength {
  std::int64_t positions = 1;
  bool ready = false;
};

/// What reading takes beside its tokens, in what one of them takes.
struct ReadingCosts {
  std::int64_t batch = 1;  // texts that are read at a time
  std::int64_t graph = 0;  // for a length that is not ready
};

/// The length of the first chunk when `count` tokens, at least one, are read as fast as possible;
/// the last chunk of a text may be longer than what is left. `lengths` ascend from 1; one that fits
/// the tokens may be new, but is never longer than the last of them.
std::int64_t next_chunk(std::int64_t count, std::span<const ChunkLength> lengths,
                        const ReadingCosts& costs);

}  // namespace gptc::driver
