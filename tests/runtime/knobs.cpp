// The table of environment variables and how it is read.
#include "runtime/knobs.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <set>

namespace godwit {
namespace {

TEST(Knobs, EachHasANameADefaultAndASentence) {
  std::set<std::string_view> names;
  for (const Knob& knob : knobs()) {
    EXPECT_TRUE(knob.name.starts_with("GODWIT_")) << knob.name;
    EXPECT_FALSE(knob.default_value.empty()) << knob.name;
    EXPECT_TRUE(knob.sentence.ends_with('.')) << knob.name;
    EXPECT_TRUE(names.insert(knob.name).second) << knob.name << " is there twice";
  }
  EXPECT_TRUE(names.contains("GODWIT_ISA"));
  EXPECT_TRUE(names.contains("GODWIT_THREADS"));
}

TEST(Knobs, UnsetAndEmptyAreTheSame) {
  ::unsetenv("GODWIT_THREADS");
  EXPECT_EQ(knob("GODWIT_THREADS"), std::nullopt);
  ::setenv("GODWIT_THREADS", "", 1);
  EXPECT_EQ(knob("GODWIT_THREADS"), std::nullopt);
  ::setenv("GODWIT_THREADS", "3", 1);
  EXPECT_EQ(knob("GODWIT_THREADS"), "3");
  ::unsetenv("GODWIT_THREADS");
}

}  // namespace
}  // namespace godwit
