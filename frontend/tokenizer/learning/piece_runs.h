#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "frontend/tokenizer/learning/piece_table.h"

namespace gptc::tokenizer {

/// Counted pieces in order, one after the other.
class PieceSource {
 public:
  PieceSource() = default;
  PieceSource(const PieceSource&) = delete;
  PieceSource& operator=(const PieceSource&) = delete;
  virtual ~PieceSource() = default;

  /// Moves to the next piece, at first to the first one; false at the end.
  virtual bool next() = 0;

  /// The piece it stands at, valid until next().
  const CountedPiece& piece() const { return piece_; }

 protected:
  CountedPiece piece_{};
};

/// The pieces of a sorted table.
class TableSource : public PieceSource {
 public:
  explicit TableSource(const PieceTable& table) : table_(table) {}
  bool next() override;

 private:
  const PieceTable& table_;
  std::size_t next_ = 0;
};

/// A file of counted pieces in order: for each its size and its count, as LEB128, and its bytes.
struct PieceRun {
  std::string name;  // in its folder
  std::uint64_t bytes = 0;
  std::uint64_t pieces = 0;
};

/// Whether files must outlive a crash of the system.
enum class Durability : std::uint8_t { scratch, durable };

/// Writes a run. Throws Error where the file system refuses; the file is then removed.
class RunWriter {
 public:
  RunWriter(const std::filesystem::path& folder, std::string name, Durability durability);
  RunWriter(const RunWriter&) = delete;
  RunWriter& operator=(const RunWriter&) = delete;
  ~RunWriter();

  void add(const CountedPiece& piece);

  /// Ends the file.
  PieceRun finish();

 private:
  void flush();
  [[noreturn]] void fail(int error);

  std::filesystem::path path_;
  PieceRun run_;
  Durability durability_;
  int file_ = -1;
  std::string buffer_;
};

/// Reads a run with a buffer of about `buffer_bytes`. Throws Error for a file that cannot be read
/// or is not the one that was written.
class RunReader : public PieceSource {
 public:
  RunReader(const std::filesystem::path& folder, const PieceRun& run, std::size_t buffer_bytes);
  ~RunReader() override;
  bool next() override;

 private:
  bool fill(std::size_t wanted);
  std::uint64_t number();
  [[noreturn]] void damaged() const;

  std::filesystem::path path_;
  PieceRun run_;
  int file_ = -1;
  std::uint64_t read_ = 0;  // bytes that came from the file
  std::uint64_t pieces_ = 0;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not yet used of the buffer
  std::size_t end_ = 0;
};

/// Calls `visit` for each distinct piece of all sources, in order, with the sum of its counts.
void merge_pieces(std::vector<std::unique_ptr<PieceSource>> sources,
                  const std::function<void(const CountedPiece&)>& visit);

}  // namespace gptc::tokenizer
