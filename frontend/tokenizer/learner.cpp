#include "frontend/tokenizer/learner.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "frontend/tokenizer/learning/learn_plan.h"
#include "frontend/tokenizer/learning/learn_work.h"
#include "frontend/tokenizer/tokenizer.h"

namespace gptc::tokenizer {
namespace {

constexpr std::size_t kReadAtOnce = std::size_t{1} << 20;

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw Error(path.string() + ": cannot read it: " + std::generic_category().message(error));
}

LearnOptions with_pattern(LearnOptions options, Pattern pattern) {
  options.pattern = pattern;
  return options;
}

}  // namespace

Learner::Learner(LearnOptions options) {
  LearnStart start = start_afresh(options);
  work_ = std::make_unique<Work>(std::move(options), std::move(start));
}

Learner::Learner(LearnOptions options, const Tokenizer& base) {
  LearnStart start = start_from(options, base.vocabulary());
  work_ =
      std::make_unique<Work>(with_pattern(std::move(options), base.pattern()), std::move(start));
}

Learner::Learner(Learner&&) noexcept = default;
Learner& Learner::operator=(Learner&&) noexcept = default;
Learner::~Learner() = default;

void Learner::add(std::string_view bytes) { work_->add(bytes); }

void Learner::end_document() { work_->end_document(); }

void Learner::add_file(const std::filesystem::path& path) {
  end_document();
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(path, errno);
  const struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } closer{file};
  ::posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
  std::vector<char> part(kReadAtOnce);
  for (;;) {
    const ssize_t n = ::read(file, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, errno);
    if (n == 0) break;
    add({part.data(), static_cast<std::size_t>(n)});
  }
  end_document();
}

Tokenizer Learner::finish() { return Tokenizer(work_->finish()); }

const LearnReport& Learner::report() const { return work_->report(); }

void Learner::save() { work_->save(); }

bool Learner::has_state(const std::filesystem::path& checkpoint) {
  return has_learn_state(checkpoint);
}

void Learner::discard(const std::filesystem::path& checkpoint) { remove_learn_state(checkpoint); }

Tokenizer Tokenizer::learn(std::span<const std::string_view> documents,
                           const LearnOptions& options) {
  Learner learner(options);
  for (const std::string_view document : documents) {
    learner.add(document);
    learner.end_document();
  }
  return learner.finish();
}

}  // namespace gptc::tokenizer
