// CLI11's types by name. Files that add options include <CLI/CLI.hpp> themselves.
#pragma once

namespace CLI {
class App;
class Option;
class Validator;
}  // namespace CLI
