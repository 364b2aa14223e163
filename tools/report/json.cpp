// The form of the program's JSON.
#include "tools/report/json.h"

#include <nlohmann/json.hpp>

namespace godwit::tools {

std::string json_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace godwit::tools
