// Looks of a report: text for people, CSV of its rows, JSON of everything. No figure is made here.
#pragma once

#include <cstddef>
#include <string>

#include "tools/report/json.h"
#include "tools/report/report.h"

namespace godwit::tools {

// At most `limit` rows in each table and ranking, with a line on how many were left out; 0: all.
std::string report_text(const Report& report, std::size_t limit);
// One line a row; measured and estimated figures in columns of their own, empty where there is none.
std::string report_csv(const Report& report);
Json report_json(const Report& report);

}  // namespace godwit::tools
