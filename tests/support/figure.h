// Figures that acceptance tests report beside passing.
#pragma once

#include <string>

namespace godwit::support {

// Prints the figure, and keeps it in the results file of the test.
void figure(const std::string& name, double value);

}  // namespace godwit::support
