// Figures that acceptance tests report beside passing.
#pragma once

#include <cstdio>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

namespace godwit::support {

// Prints the figure, and keeps it in the results file of the test.
inline void figure(const std::string& name, double value) {
  const std::string text = fmt::format("{:.6g}", value);
  testing::Test::RecordProperty(name, text);
  std::printf("[ figure   ] %s: %s\n", name.c_str(), text.c_str());
}

}  // namespace godwit::support
