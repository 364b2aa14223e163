#include "tests/support/tolerance.h"

#include <cmath>
#include <utility>

namespace godwit::support {

double gamma(std::int64_t n, double u) {
  const double nu = static_cast<double>(n) * u;
  return nu / (1 - nu);
}

Bound exact() {
  return [](const Element&) { return 0.0; };
}

Bound roundings(std::int64_t n) {
  return [n](const Element& element) {
    return gamma(n) * std::abs(element.expected) +
           static_cast<double>(n) * static_cast<double>(std::numeric_limits<float>::denorm_min());
  };
}

StoredUnits stored_units(DType dtype) {
  return dtype == DType::f16 ? StoredUnits{0x1p-11, 0x1p-24} : StoredUnits{0x1p-8, 0x1p-133};
}

Bound rounded_to(DType dtype, Bound bound) {
  return [dtype, bound = std::move(bound)](const Element& element) {
    const StoredUnits units = stored_units(dtype);
    const double before = bound(element);
    return before + units.roundoff * (2 * std::abs(element.expected) + before) * (1 + 2 * units.roundoff) +
           units.smallest;
  };
}

}  // namespace godwit::support
