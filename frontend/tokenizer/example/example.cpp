// Learns a tokenizer from one text and shows how it cuts another one.
#include <iostream>

#include "frontend/tokenizer/learner.h"
#include "frontend/tokenizer/tokenizer.h"

int main() {
  gptc::tokenizer::Learner learner({.vocab_size = 264, .min_frequency = 1});
  learner.add("low lower lowest low");
  const gptc::tokenizer::Tokenizer tokenizer = learner.finish();
  for (const std::int32_t id : tokenizer.encode("lower and lowest"))
    std::cout << id << "\t" << tokenizer.token_text(id) << "\n";
}
