// The tokens that may come next, and what the steps of sampling have made of their logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gptc::driver {

/// First scores are changed, then tokens fall away. Nothing is sorted as a whole: maxima of small
/// blocks of scores tell where the large ones are. Allocates when it is made; afterwards only once
/// more, when scores are first changed.
class Candidates {
 public:
  explicit Candidates(std::size_t vocabulary);
  // Views of its own members.
  Candidates(const Candidates&) = delete;
  Candidates& operator=(const Candidates&) = delete;

  /// All tokens with the model's logits f32[V], which live until the next begin().
  void begin(std::span<const float> logits);

  /// The scores of all tokens, to change; nothing has been kept yet.
  std::span<float> change();

  // Which tokens stay. UserError in the first of these calls if a score is NaN or +inf.

  /// The best score's; of equal ones the smallest id.
  void keep_best();
  /// Those at least as good as the k-th best: ties at the k-th stay.
  void keep_largest(std::int64_t k);
  /// The fewest that have at least `share` of the probability, the best first, at least one; of
  /// equal ones the smallest ids. The one that crosses `share` stays.
  void keep_mass(double share);
  /// Those at least `ratio` times as probable as the best.
  void keep_ratio(double ratio);

  /// Probabilities become those of scores / temperature; above 0. Before anything is weighed.
  void set_temperature(double temperature);

  /// Whether every token is forbidden: the best score is -inf.
  [[nodiscard]] bool none_left();
  /// The tokens that are left, ascending.
  [[nodiscard]] std::span<const std::int32_t> tokens() const { return tokens_; }
  /// The one at `place` of all probability, 0 <= place < 1, in the order of ids.
  [[nodiscard]] std::int32_t draw(double place);

 private:
  /// Where the kept mass ends: all weights above `weight` stay, and `equal` of those equal to it.
  struct Crossing {
    float weight;
    std::int64_t equal;
  };
  void rank();
  [[nodiscard]] bool all() const { return tokens_.data() == every_token_.data(); }
  [[nodiscard]] float kth_largest(std::size_t k);
  [[nodiscard]] float score_at(double weight) const;
  void keep_at_least(float score);
  template <class Keep>
  void keep_if(std::size_t begin, std::size_t end, Keep keep, std::size_t& kept);
  void take_kept(std::size_t count);
  std::span<const float> weights();
  Crossing crossing(double wanted);

  std::vector<std::int32_t> every_token_;
  std::span<const float> logits_;         // of all tokens, perhaps changed
  std::vector<float> changed_;            // what logits_ shows once they are changed
  std::span<const std::int32_t> tokens_;  // that are left
  std::span<const float> scores_;         // of tokens_
  std::vector<std::int32_t> kept_tokens_;
  std::vector<float> kept_scores_;
  std::vector<float> weights_;  // of tokens_ once weighed_
  std::vector<float> block_maxima_;
  std::vector<float> scratch_;
  std::vector<double> bins_;
  bool ranked_ = false;
  bool weighed_ = false;
  float best_ = 0;
  double temperature_ = 1;
};

}  // namespace gptc::driver
