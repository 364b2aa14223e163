// parse_json(): what it takes and what it refuses.
#include "runtime/json.h"

#include <gtest/gtest.h>
#include <string>

namespace godwit {
namespace {

TEST(ParseJson, KeepsTheOrderOfFields) {
  const auto json = parse_json(R"({"b": [1, "x"], "a": null})", 2);
  ASSERT_TRUE(json);
  EXPECT_EQ(json->dump(), R"({"b":[1,"x"],"a":null})");
}

TEST(ParseJson, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "[1,]", "{} {}", "\"\xff\"", "nul"}) {
    EXPECT_FALSE(parse_json(text, 8)) << text;
  }
}

TEST(ParseJson, RefusesWhatNestsTooDeep) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(8), 8));
  EXPECT_FALSE(parse_json(nested(10), 8));
  EXPECT_FALSE(parse_json(nested(1'000'000), 8));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '['), 8));
}

}  // namespace
}  // namespace godwit
