// Rows of Winograd's transforms.
#pragma once

#include "ops/kernels/rows.h"
#include "ops/kernels/winograd/winograd.h"

namespace godwit::ops::kernels {

template <int M>
struct WinogradInputOf {
  template <class Arch, class T>
  using Kernel = WinogradInputKernel<Arch, M, T>;
};
template <int M>
struct WinogradOutputOf {
  template <class Arch, class T>
  using Kernel = WinogradOutputKernel<Arch, M, T>;
};

}  // namespace godwit::ops::kernels
