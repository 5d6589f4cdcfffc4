// Runs every list of cases in every mode.
#include <gtest/gtest.h>

#include "backends/onednn/backend.h"
#include "tests/ops/families.h"
#include "tests/support/modes.h"

namespace gptc::testing {

namespace {

std::unique_ptr<runtime::Backend> make_onednn(int threads) {
  return onednn::make_backend({.threads = threads});
}

class OpCases : public ::testing::TestWithParam<ModeRun> {};

TEST_P(OpCases, Holds) {
  for (const std::string& failure : GetParam().check()) ADD_FAILURE() << failure;
}

std::string mode_name(const ::testing::TestParamInfo<ModeRun>& info) {
  return info.param.op_case->name + "_" + info.param.mode;
}

class OpRejections : public ::testing::TestWithParam<Rejection> {};

TEST_P(OpRejections, Refused) {
  for (const std::string& failure : check_rejection(GetParam())) ADD_FAILURE() << failure;
}

std::string rejection_name(const ::testing::TestParamInfo<Rejection>& info) {
  return info.param.name;
}

#define FAMILY(name)                                                                               \
  INSTANTIATE_TEST_SUITE_P(name, OpCases,                                                          \
                           ::testing::ValuesIn(modes_of(name##_cases(), make_onednn)), mode_name); \
  INSTANTIATE_TEST_SUITE_P(name, OpRejections, ::testing::ValuesIn(name##_rejections()),           \
                           rejection_name);
#include "tests/ops/families.def"
#undef FAMILY

}  // namespace

void PrintTo(const Rejection& rejection, std::ostream* out) { *out << rejection.name; }

}  // namespace gptc::testing
