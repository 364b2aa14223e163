// JSON as the program writes it. Files that make some include <nlohmann/json.hpp> themselves.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace godwit::tools {

// Keys keep the order in which they were set.
using Json = nlohmann::ordered_json;

// JSON on one line; bytes that are not UTF-8 are replaced, numbers that are not finite become null.
std::string json_text(const Json& json);

}  // namespace godwit::tools
