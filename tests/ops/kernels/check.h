// One check for each type of kernel: a kernel against scalar arithmetic, on sizes that fill no vector and at
// addresses that suit none. rows.cpp calls them for every row of the kernel table.
#pragma once

#include "ops/kernel_table.h"

namespace godwit::support {

void check(const ops::Kernel<ops::GemmKernel>& kernel);
void check(const ops::Kernel<ops::QuantizedGemmKernel>& kernel);
void check(const ops::Kernel<ops::SparseGemmKernel>& kernel);
void check(const ops::Kernel<ops::SparseQuantizedKernel>& kernel);
void check(const ops::Kernel<ops::NonzeroKernel>& kernel);
void check(const ops::Kernel<ops::DepthwiseKernel>& kernel);
void check(const ops::Kernel<ops::ConvLineKernel>& kernel);
void check(const ops::Kernel<ops::QuantizedDepthwiseKernel>& kernel);
void check(const ops::Kernel<ops::WinogradInputFunction>& kernel);
void check(const ops::Kernel<ops::WinogradOutputFunction>& kernel);
void check(const ops::Kernel<ops::ByteWinogradInputFunction>& kernel);
void check(const ops::Kernel<ops::ByteWinogradOutputFunction>& kernel);
void check(const ops::Kernel<ops::PoolKernel>& kernel);
void check(const ops::Kernel<ops::ColumnSumKernel>& kernel);
void check(const ops::Kernel<ops::BytePoolKernel>& kernel);
void check(const ops::Kernel<ops::BytePoolSumKernel>& kernel);
void check(const ops::Kernel<ops::UnaryKernel>& kernel);
void check(const ops::Kernel<ops::BinaryKernel>& kernel);
void check(const ops::Kernel<ops::QuantizedAddKernel>& kernel);
void check(const ops::Kernel<ops::AffineKernel>& kernel);
void check(const ops::Kernel<ops::SoftmaxKernel>& kernel);
void check(const ops::Kernel<ops::MomentsKernel>& kernel);
void check(const ops::Kernel<ops::NormalizeKernel>& kernel);
void check(const ops::Kernel<ops::ColumnMomentsKernel>& kernel);
void check(const ops::Kernel<ops::SoftmaxRowsKernel>& kernel);
void check(const ops::Kernel<ops::TransposedPanelKernel>& kernel);
void check(const ops::Kernel<ops::AttentionRowKernel>& kernel);
void check(const ops::Kernel<ops::QuantizeKernel>& kernel);
void check(const ops::Kernel<ops::DequantizeKernel>& kernel);
void check(const ops::Kernel<ops::ConvertKernel>& kernel);
void check(const ops::Kernel<ops::PeakKernel>& kernel);

}  // namespace godwit::support
