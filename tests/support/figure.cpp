#include "tests/support/figure.h"

#include <cstdio>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace godwit::support {

void figure(const std::string& name, double value) {
  const std::string text = fmt::format("{:.6g}", value);
  testing::Test::RecordProperty(name, text);
  std::printf("[ figure   ] %s: %s\n", name.c_str(), text.c_str());
}

}  // namespace godwit::support
