// The metadata entry godwit.quantization, written and read.
#include "tools/cli/calibration_facts.h"

#include <nlohmann/json.hpp>

#include "tools/report/json.h"

namespace godwit::tools {

std::string facts_text(const CalibrationFacts& facts, const vision::CalibrationReader& images) {
  Json json = {{"method", facts.method}};
  if (facts.percentile > 0) json["percentile"] = facts.percentile;
  json["bias_correction"] = facts.bias_correction;
  json["full_range"] = facts.full_range;
  json["images"] = images.paths().size();
  json["names_sha256"] = images.digest_of_names();
  json["contents"] = images.digests();
  json["kept"] = facts.kept;
  return json_text(json);
}

std::set<std::string> calibration_contents(const std::map<std::string, std::string>& metadata) {
  const auto entry = metadata.find("godwit.quantization");
  if (entry == metadata.end()) return {};
  const Json json = Json::parse(entry->second, nullptr, false);
  if (!json.is_object() || !json.contains("contents") || !json.at("contents").is_array()) return {};
  std::set<std::string> contents;
  for (const Json& digest : json.at("contents")) {
    if (digest.is_string()) contents.insert(digest.get<std::string>());
  }
  return contents;
}

}  // namespace godwit::tools
