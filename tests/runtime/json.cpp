// parse_json(): what it takes and what it refuses.
#include "runtime/json.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "tests/support/errors.h"

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

TEST(RequireJson, SaysWhereTheTextStopsBeingJson) {
  const auto error = [](std::string_view text) {
    return support::error_of([&] { (void)require_json(text, 8, "'t' is "); });
  };
  EXPECT_EQ(error("[1, 2]"), "");
  EXPECT_EQ(error(" \n"), "'t' is not valid JSON: there is nothing in it");
  EXPECT_EQ(error("{\"a\":\n 1 2}"), "'t' is not valid JSON: line 2, column 4 cannot be read");
  EXPECT_EQ(error("[1,\n2"), "'t' is not valid JSON: it ends too early, in line 2");
  EXPECT_EQ(error(std::string(20, '[') + std::string(20, ']')),
            "'t' is not valid JSON for this: it nests deeper than 8 lists and objects");
}

}  // namespace
}  // namespace godwit
