// The whole of gptc for a program with models of its own:
//
//     #include "gptc.h"
//     using namespace gptc::dsl;
//     Tensor my_model(const Scope& scope, const Tensor& tokens, const Config& config) { ... }
//     int main(int argc, char** argv) {
//       return gptc::main(argc, argv, {{"my-model", "what it is", {...}, my_model}});
//     }
#pragma once

#include <vector>

#include "frontend/dsl/model.h"

namespace gptc {

/// The command line over these models: `--dump-ir`, `train`, `generate` and the rest, as `--help`
/// lists them. Returns the exit code: 0 done, 1 failed, 2 usage, 130 interrupted. Catches every
/// exception and prints it as one line on stderr.
int main(int argc, char** argv, std::vector<dsl::Model> models);

}  // namespace gptc
