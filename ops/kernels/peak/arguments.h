// Arguments of the kernel that measures the peak.
#pragma once

#include <cstdint>

namespace godwit::ops {

// `rounds` times kPeakChains independent fused multiply-adds of whole vectors; what it returns only keeps the
// compiler from leaving them out.
inline constexpr int kPeakChains = 12;
using PeakKernel = float(std::int64_t rounds);

}  // namespace godwit::ops
