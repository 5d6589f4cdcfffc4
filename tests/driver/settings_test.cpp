#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "frontend/formats/error.h"
#include "ir/check.h"
#include "tests/driver/tiny_model.h"
#include "tests/formats/temp_folder.h"
#include "tools/driver/train_settings.h"

namespace gptc::driver {
namespace {

using testing::message_of;
using testing::TempFolder;
using testing::tiny_model;

TrainSettings valid() {
  TrainSettings settings;
  settings.data = {"text.txt"};
  settings.max_steps = 10;
  return settings;
}

TEST(TrainSettings, EveryFieldComesBackFromTheFile) {
  const TempFolder folder;
  TrainSettings settings = valid();
  settings.lr = 0.125;
  settings.lr_schedule = "linear";
  settings.validation_data = {"a", "b"};
  settings.grad_accum = 3;
  save_settings(settings, folder.path());
  TrainSettings read;
  load_settings(read, folder.path(), [](const TrainField&) { return false; });
  for (const TrainField& field : train_fields()) {
    std::visit([&](auto member) { EXPECT_EQ(read.*member, settings.*member) << field.key; },
               field.member);
  }
}

TEST(TrainSettings, WhatIsGivenAnewIsKept) {
  const TempFolder folder;
  save_settings(valid(), folder.path());
  TrainSettings read;
  read.max_steps = 99;
  load_settings(read, folder.path(),
                [](const TrainField& field) { return field.key == "max_steps"; });
  EXPECT_EQ(read.max_steps, 99);
  EXPECT_EQ(read.data, valid().data);
}

TEST(TrainSettings, NamesAreUnique) {
  std::set<std::string> seen;
  for (const TrainField& field : train_fields()) {
    EXPECT_TRUE(seen.insert(std::string(field.key)).second) << field.key;
    std::string_view flags = field.flags;
    while (!flags.empty()) {
      const std::size_t comma = std::min(flags.find(','), flags.size());
      EXPECT_TRUE(seen.insert(std::string(flags.substr(0, comma))).second) << flags;
      flags.remove_prefix(std::min(comma + 1, flags.size()));
    }
  }
}

TEST(TrainSettings, RangesAreChecked) {
  const auto rejects = [](auto change) {
    TrainSettings settings = valid();
    change(settings);
    EXPECT_THROW(check_settings(settings), ir::UserError);
  };
  EXPECT_NO_THROW(check_settings(valid()));
  rejects([](TrainSettings& s) { s.data.clear(); });
  rejects([](TrainSettings& s) { s.lr = 0; });
  rejects([](TrainSettings& s) { s.lr = -1; });
  rejects([](TrainSettings& s) { s.beta1 = 1; });
  rejects([](TrainSettings& s) { s.validation_fraction = 1; });
  rejects([](TrainSettings& s) { s.weight_decay = -0.1; });
  rejects([](TrainSettings& s) { s.grad_clip = -1; });
  rejects([](TrainSettings& s) { s.max_steps = -5; });
  rejects([](TrainSettings& s) { s.max_steps = 0; });
  rejects([](TrainSettings& s) { s.epochs = 1; });
  rejects([](TrainSettings& s) { s.lr_schedule = "square"; });
  rejects([](TrainSettings& s) { s.eval_interval = -1; });
}

TEST(TrainSettings, EpochsAreSteps) {
  TrainSettings settings = valid();
  settings.max_steps = 0;
  settings.epochs = 1.5;
  settings.batch = 4;
  settings.grad_accum = 2;
  EXPECT_EQ(resolve_steps(settings, 100), 19);  // 150 windows, 8 a step
  settings.epochs = 1e-9;
  EXPECT_EQ(resolve_steps(settings, 100), 1);
}

TEST(TrainSettings, TheScheduleFillsInWhatIsNotGiven) {
  TrainSettings settings = valid();
  LrSchedule schedule = resolve_schedule(settings, 1000);
  EXPECT_DOUBLE_EQ(schedule.min_lr, settings.lr / 10);
  EXPECT_EQ(schedule.warmup_steps, 50);
  EXPECT_EQ(schedule.decay_steps, 1000);
  settings.warmup_steps = 0;
  settings.lr_decay_steps = 7;
  settings.min_lr = 0;
  schedule = resolve_schedule(settings, 1000);
  EXPECT_EQ(schedule.warmup_steps, 0);
  EXPECT_EQ(schedule.decay_steps, 7);
  EXPECT_DOUBLE_EQ(schedule.min_lr, 0);
}

TEST(ModelSource, ComesBackFromItsFolder) {
  const TempFolder folder;
  const ModelSource source = tiny_model(0.25);
  save_config(source, folder.path());
  const ModelSource read = find_model(models::shipped_models(), folder.path());
  EXPECT_EQ(read.model.name, source.model.name);
  EXPECT_EQ(read.config, source.config);
  EXPECT_EQ(read.seed, source.seed);
  EXPECT_EQ(read.folder, folder.path());
}

TEST(ModelSource, UnknownNamesAndBadFoldersAreOneClearLine) {
  const TempFolder folder;
  const auto error = [&](const std::string& name) {
    try {
      find_model(models::shipped_models(), name);
    } catch (const std::runtime_error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(error("gtp2").find("gpt2-medium"), std::string::npos);
  EXPECT_NE(error(folder.path()).find("config.json"), std::string::npos);
  for (const char* text : {"{", "{}", R"({"gptc_model": "x", "gptc_seed": 1})",
                           R"({"gptc_model": "gpt2", "gptc_seed": 1})",
                           R"({"gptc_model": "gpt2", "gptc_seed": -1})"}) {
    const std::string path = folder.with("config.json", text);
    EXPECT_NE(error(folder.path()).find(path), std::string::npos) << text;
  }
  ModelSource source = tiny_model();
  save_config(source, folder.path());
  std::string text = testing::content_of(folder.file("config.json"));
  text.insert(text.find('{') + 1, "\"n_leyer\": 3,");
  static_cast<void>(folder.with("config.json", text));
  EXPECT_NE(error(folder.path()).find("n_leyer"), std::string::npos);
}

TEST(ModelSource, AFolderFromBeforeASettingHasItsUsualValue) {
  const TempFolder folder;
  save_config(tiny_model(), folder.path());
  const auto without = [&](const std::string& setting) {
    std::string text;
    std::istringstream lines(testing::content_of(folder.file("config.json")));
    for (std::string line; std::getline(lines, line);)
      if (line.find(setting) == std::string::npos) text += line + "\n";
    static_cast<void>(folder.with("config.json", text));
  };
  without("\"n_inner\"");
  without("\"norm_eps\"");
  EXPECT_EQ(find_model(models::shipped_models(), folder.path()).config, tiny_model().config);
  without("\"n_embd\"");
  EXPECT_THROW(find_model(models::shipped_models(), folder.path()), std::runtime_error);
}

TEST(ModelSource, TheVocabularyIsTheTokenizersOrMustFit) {
  ModelSource source = tiny_model();
  source.config.set("vocab_size", std::int64_t{0});
  settle_vocabulary(source, 300);
  EXPECT_EQ(source.config.integer("vocab_size"), 300);
  EXPECT_NO_THROW(settle_vocabulary(source, 300));
  const std::string error = message_of<ir::UserError>([&] { settle_vocabulary(source, 301); });
  EXPECT_NE(error.find("300"), std::string::npos);
  EXPECT_NE(error.find("301"), std::string::npos);
}

TEST(ModelSource, SettingsAreCheckedByNameAndType) {
  ModelSource source = tiny_model();
  apply_setting(source.config, "n_layer=3");
  EXPECT_EQ(source.config.integer("n_layer"), 3);
  for (const char* bad : {"n_layer", "=3", "n_leyer=3", "n_layer=three", "n_layer=3.5"})
    EXPECT_THROW(apply_setting(source.config, bad), ir::UserError) << bad;
  set_dropout(source.model, source.config, 0.5);
  EXPECT_EQ(source.config.real("attn_dropout"), 0.5);
  EXPECT_THROW(set_dropout(source.model, source.config, 1), ir::UserError);
}

}  // namespace
}  // namespace gptc::driver
