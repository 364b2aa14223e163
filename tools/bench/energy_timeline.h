// Times of what a measured run did, kept in its line of the ledger so that a meter's log can be joined to it
// later.
#pragma once

#include <string>

#include "runtime/energy/protocol/protocol.h"
#include "tools/report/json.h"

namespace godwit::tools {

// The log of one workload in unix time: {"timeline":[{"phase","begin_ns","end_ns","runs"}…]}.
Json timeline_json(const energy::RunLog& log, std::size_t workload);
// The log again, its clock being unix time and runs evenly spread over their windows. Throws Error naming
// `where` where the record holds no timeline, or one that makes no sense.
energy::RunLog log_of_timeline(const std::string& record, const std::string& where);

}  // namespace godwit::tools
