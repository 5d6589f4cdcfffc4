// Types, shapes and attributes: text, arithmetic, broadcasting.
#include "ir/type.h"

#include <gtest/gtest.h>

#include <limits>

#include "ir/attrs.h"
#include "ir/check.h"
#include "tests/ir/expect_error.h"

namespace gptc::ir {
namespace {

using testing::contains;
using testing::error_of;

constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
const Dim b = Dim::named('B');
const Dim t = Dim::named('T');

TEST(Type, Text) {
  EXPECT_EQ((Type{DType::f32, {4, 256, 768}}).text(), "f32[4x256x768]");
  EXPECT_EQ((Type{DType::i64, {}}).text(), "i64[]");
  EXPECT_EQ((Type{DType::bf16, {b, t, 3}}).text(), "bf16[BxTx3]");
}

TEST(Type, EveryElementTypeHasANameAndASize) {
  for (const DType dtype :
       {DType::f64, DType::f32, DType::bf16, DType::i64, DType::i32, DType::i8}) {
    EXPECT_EQ(parse_dtype(dtype_name(dtype)), dtype);
    const std::string name(dtype_name(dtype));
    const std::size_t digits = name.find_first_of("0123456789");
    EXPECT_EQ(dtype_bytes(dtype) * 8, std::stoll(name.substr(digits)));
    EXPECT_EQ(is_float(dtype), name[0] != 'i');
  }
  EXPECT_FALSE(parse_dtype("f16").has_value());
  EXPECT_FALSE(parse_dtype("").has_value());
}

TEST(Type, Bytes) {
  EXPECT_EQ((Type{DType::f32, {3, 5}}).bytes(), 60);
  EXPECT_EQ((Type{DType::bf16, {3, 5}}).bytes(), 30);
  EXPECT_EQ((Type{DType::i8, {huge}}).bytes(), huge);
  EXPECT_TRUE(contains(error_of<UserError>([] {
                         static_cast<void>(Type{DType::i64, {huge}}.bytes());
                       }),
                       "63 bits"));
}

TEST(Shape, CountsElementsAndRows) {
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ(Shape{}.rows(), 1);
  EXPECT_EQ(Shape{7}.rows(), 1);
  EXPECT_EQ((Shape{2, 3, 7}).rows(), 6);
  EXPECT_EQ((Shape{2, 3, 7}).numel(), 42);
  EXPECT_EQ((Shape{2, 3}).sizes(), (std::vector<std::int64_t>{2, 3}));
  EXPECT_THROW(static_cast<void>(Shape({huge, 3}).numel()), UserError);
  EXPECT_THROW(static_cast<void>(Shape({1LL << 32, 1LL << 31}).numel()), UserError);
  EXPECT_EQ(Shape({1LL << 31, 1LL << 31}).numel(), 1LL << 62);
}

TEST(Shape, NamedDimensionsHaveNoSize) {
  const Shape shape{b, 3};
  EXPECT_FALSE(shape.is_concrete());
  EXPECT_TRUE(contains(error_of<InternalError>([&] { static_cast<void>(shape.numel()); }),
                       "dimension B has no size"));
  EXPECT_THROW(static_cast<void>(shape.sizes()), InternalError);
  EXPECT_NE(b, t);
  EXPECT_NE(Dim(0), b);
}

TEST(Shape, Broadcasting) {
  const auto both = [](const Shape& x, const Shape& y) -> std::string {
    const auto one = broadcast_shapes(x, y);
    EXPECT_EQ(one, broadcast_shapes(y, x));
    return one ? one->text() : "none";
  };
  EXPECT_EQ(both({2, 3}, {3}), "2x3");
  EXPECT_EQ(both({2, 3}, {2, 1}), "2x3");
  EXPECT_EQ(both({2, 1}, {1, 3}), "2x3");
  EXPECT_EQ(both({}, {2, 3}), "2x3");
  EXPECT_EQ(both({2, 3}, {2}), "none");
  EXPECT_EQ(both({2, 3}, {4, 3}), "none");
  EXPECT_EQ(both({b, t, 3}, {t, 3}), "BxTx3");
  EXPECT_EQ(both({b, t, 3}, {b, 1, 3}), "BxTx3");
  EXPECT_EQ(both({b, t, 3}, {t, t, 3}), "none");
  EXPECT_EQ(both({b, 4}, {3, 4}), "none");  // B may be anything
  EXPECT_EQ(both({1, 1, 1}, {}), "1x1x1");
}

TEST(Attrs, TextOfEveryKind) {
  EXPECT_EQ(attr_text(true), "true");
  EXPECT_EQ(attr_text(std::int64_t{-3}), "-3");
  EXPECT_EQ(attr_text(std::uint64_t{255}), "0x00000000000000ff");
  EXPECT_EQ(attr_text(1e-5), "1e-05");
  EXPECT_EQ(attr_text(2.0), "2.0");
  EXPECT_EQ(attr_text(-0.0), "-0.0");
  EXPECT_EQ(attr_text(0.1), "0.1");
  EXPECT_EQ(attr_text(-std::numeric_limits<double>::infinity()), "-inf");
  EXPECT_EQ(attr_text(std::string("a\"b\\c")), R"("a\"b\\c")");
  EXPECT_EQ(attr_text(Ints{1, -2}), "[1, -2]");
  EXPECT_EQ(attr_text(Ints{}), "[]");
  EXPECT_EQ(attr_text(Strings{"bias", "gelu"}), R"(["bias", "gelu"])");
  EXPECT_EQ(attr_text(Shape{4, b}), "[4xB]");
  EXPECT_EQ(attr_text(DType::bf16), "bf16");
}

TEST(Attrs, AreOrderedByNameAndTyped) {
  Attrs attrs = {{"b", std::int64_t{2}}, {"a", true}};
  attrs.set("c", 0.5);
  attrs.set("a", false);
  std::string names;
  for (const auto& entry : attrs) names += entry.first;
  EXPECT_EQ(names, "abc");
  EXPECT_FALSE(attrs.flag("a"));
  EXPECT_EQ(attrs, (Attrs{{"c", 0.5}, {"a", false}, {"b", std::int64_t{2}}}));
  EXPECT_TRUE(contains(error_of<InternalError>([&] { static_cast<void>(attrs.real("d")); }),
                       "'d' is missing"));
  EXPECT_TRUE(contains(error_of<InternalError>([&] { static_cast<void>(attrs.real("b")); }),
                       "another type"));
}

}  // namespace
}  // namespace gptc::ir
