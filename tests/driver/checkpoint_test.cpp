#include "tools/driver/checkpoint.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "frontend/formats/error.h"
#include "ir/check.h"
#include "tests/driver/tiny_model.h"
#include "tests/formats/temp_folder.h"

namespace gptc::driver {
namespace {

using testing::content_of;
using testing::message_of;
using testing::state_bytes;
using testing::TempFolder;
using testing::tiny_model;
using testing::tiny_options;
using testing::tiny_text;

namespace fs = std::filesystem;

class CheckpointTest : public ::testing::Test {
 protected:
  std::unique_ptr<Trainer> make(double dropout = 0.2, std::int64_t accumulate = 1) const {
    TrainerOptions options = tiny_options();
    options.accumulate = accumulate;
    return std::make_unique<Trainer>(tiny_model(dropout), text_, std::span<const std::int32_t>(),
                                     options);
  }
  void save(Trainer& trainer) const {
    save_checkpoint(folder_.path(), trainer.model(), trainer.position());
  }
  std::string error_of_loading() const {
    const auto trainer = make();
    try {
      load_checkpoint(folder_.path(), trainer->model());
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }
  void overwrite(const std::string& name, std::streamoff from_end, const void* bytes,
                 std::size_t count) const {
    std::fstream file(folder_.file(name), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(-from_end, std::ios::end);
    file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count));
  }

  TempFolder folder_;
  std::vector<std::int32_t> text_ = tiny_text(800);
};

void expect_resume_is_exact(Trainer& whole, Trainer& first, Trainer& second,
                            const std::string& folder) {
  for (int i = 0; i < 6; ++i) whole.step();
  for (int i = 0; i < 3; ++i) first.step();
  save_checkpoint(folder, first.model(), first.position());
  second.set_position(load_checkpoint(folder, second.model()));
  EXPECT_EQ(second.position().step, 3);
  for (int i = 0; i < 3; ++i) second.step();
  EXPECT_EQ(state_bytes(whole.model()), state_bytes(second.model()));
}

TEST_F(CheckpointTest, ResumingIsBitExactWithDropout) {
  expect_resume_is_exact(*make(), *make(), *make(), folder_.path());
}

TEST_F(CheckpointTest, ResumingIsBitExactWithAccumulation) {
  expect_resume_is_exact(*make(0.1, 2), *make(0.1, 2), *make(0.1, 2), folder_.path());
}

TEST_F(CheckpointTest, OnlyTheNewPairStays) {
  const auto trainer = make();
  trainer->step();
  save(*trainer);
  trainer->step();
  save(*trainer);
  std::vector<std::string> names = folder_.names();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"model.safetensors", "optimizer-2.safetensors"}));
  EXPECT_TRUE(has_checkpoint(folder_.path()));
  remove_checkpoint(folder_.path());
  EXPECT_TRUE(folder_.names().empty());
}

// The writer may die between its two renames, or before the old optimizer file is gone.
TEST_F(CheckpointTest, AfterACrashTheOldPairOrTheNewOneIsWhole) {
  const auto trainer = make();
  trainer->step();
  save(*trainer);
  const std::string old_model = content_of(folder_.file("model.safetensors"));
  const std::string old_optimizer = content_of(folder_.file("optimizer-1.safetensors"));
  const auto after_one = state_bytes(trainer->model());
  trainer->step();
  save(*trainer);
  const auto after_two = state_bytes(trainer->model());
  std::ofstream(folder_.file("optimizer-1.safetensors"), std::ios::binary) << old_optimizer;
  const auto reader = make();
  EXPECT_EQ(load_checkpoint(folder_.path(), reader->model()).step, 2);
  EXPECT_EQ(state_bytes(reader->model()), after_two);
  std::ofstream(folder_.file("model.safetensors"), std::ios::binary) << old_model;
  EXPECT_EQ(load_checkpoint(folder_.path(), reader->model()).step, 1);
  EXPECT_EQ(state_bytes(reader->model()), after_one);
}

TEST_F(CheckpointTest, ParametersAloneServeAnotherRun) {
  const auto trainer = make();
  trainer->step();
  save(*trainer);
  const auto other = make();
  ModelSource source = tiny_model();
  source.folder = folder_.path();
  load_parameters(source, other->model());
  EXPECT_EQ(testing::state_values(other->model(), "wte.weight"),
            testing::state_values(trainer->model(), "wte.weight"));
}

TEST_F(CheckpointTest, NamesAFileThatIsCutOff) {
  const auto trainer = make();
  save(*trainer);
  fs::resize_file(folder_.file("model.safetensors"),
                  fs::file_size(folder_.file("model.safetensors")) - 5);
  EXPECT_NE(error_of_loading().find("model.safetensors"), std::string::npos);
}

TEST_F(CheckpointTest, NamesTheTensorThatIsNotFinite) {
  const auto trainer = make();
  save(*trainer);
  const float bad = std::numeric_limits<float>::quiet_NaN();
  overwrite("model.safetensors", sizeof(float), &bad, sizeof(bad));
  const std::string error = error_of_loading();
  EXPECT_NE(error.find("model.safetensors: tensor \""), std::string::npos) << error;
  EXPECT_NE(error.find("damaged"), std::string::npos) << error;
}

TEST_F(CheckpointTest, NamesTheTensorOfAnotherShape) {
  ModelSource narrow = tiny_model(0.2);
  narrow.config.set("n_embd", std::int64_t{16});
  Trainer trainer(narrow, text_, {}, tiny_options());
  save(trainer);
  const std::string error = error_of_loading();
  EXPECT_NE(error.find("must be F32["), std::string::npos) << error;
}

TEST_F(CheckpointTest, NamesTheTensorThatTheModelHasNot) {
  ModelSource deep = tiny_model(0.2);
  deep.config.set("n_layer", std::int64_t{3});
  Trainer trainer(deep, text_, {}, tiny_options());
  save(trainer);
  EXPECT_NE(error_of_loading().find("\"h.2."), std::string::npos);
}

TEST_F(CheckpointTest, NamesTheOptimizerFileThatIsMissing) {
  const auto trainer = make();
  save(*trainer);
  fs::remove(folder_.file("optimizer-0.safetensors"));
  EXPECT_NE(error_of_loading().find("optimizer-0.safetensors"), std::string::npos);
}

TEST_F(CheckpointTest, AFolderThatCannotBeMadeIsOneClearLine) {
  const std::string file = folder_.with("file", "x");
  const auto trainer = make();
  const std::string error = message_of<ir::UserError>(
      [&] { save_checkpoint(file + "/run", trainer->model(), trainer->position()); });
  EXPECT_NE(error.find(file + "/run"), std::string::npos) << error;
}

}  // namespace
}  // namespace gptc::driver
