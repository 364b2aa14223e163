// Walks over the last result of a chain strip by strip.
#include "engine/fused_rows.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "runtime/memory.h"

namespace godwit::engine {

// The lines of each link's result that some lines of the last one need.
struct FusedRows::Needs : std::array<Worker::Range, kMaxLinks> {};

FusedRows::FusedRows(std::size_t first, std::vector<Link> links, std::size_t cache_bytes)
    : first_(first), links_(std::move(links)) {
  assert(links_.size() >= 2 && links_.size() <= kMaxLinks);
  for (const Link& link : links_) link_scratch_ = std::max(link_scratch_, link.scratch_bytes);
  // The most lines whose buffers fit: more lines never need less.
  std::int64_t least = 1, most = links_.back().lines;
  while (least < most) {
    const std::int64_t lines = least + (most - least + 1) / 2;
    set_strip(lines);
    if (buffer_bytes_ <= cache_bytes) {
      least = lines;
    } else {
      most = lines - 1;
    }
  }
  set_strip(least);
}

FusedRows::Needs FusedRows::needs_of(Worker::Range lines) const {
  Needs needs{};
  for (std::size_t i = links_.size(); i-- > 0;) {
    needs[i] = lines;
    if (i > 0) lines = links_[i].step->rows_read(lines);
  }
  return needs;
}

// Workers begin anywhere, and so may strips: the buffers have room for those that need most.
void FusedRows::set_strip(std::int64_t lines) {
  strip_ = lines;
  std::array<std::int64_t, kMaxLinks> most{};
  for (std::int64_t begin = 0; begin < links_.back().lines; ++begin) {
    const Needs needs = needs_of({begin, std::min(begin + lines, links_.back().lines)});
    for (std::size_t i = 0; i < links_.size(); ++i)
      most[i] = std::max(most[i], needs[i].end - needs[i].begin);
  }
  buffers_.clear();
  buffer_bytes_ = 0;
  for (std::size_t i = 0; i + 1 < links_.size(); ++i) {
    buffers_.push_back(buffer_bytes_);
    buffer_bytes_ += align_up(static_cast<std::size_t>(most[i]) * links_[i].line_bytes);
  }
}

void FusedRows::run(std::size_t begin, std::size_t end, Args args, After after, std::byte* scratch,
                    const Worker& worker) const {
  const Worker::Range mine = worker.share(links_.back().lines);
  Needs held{};  // what the buffers hold
  for (std::int64_t line = mine.begin; line < mine.end; line += strip_) {
    const Needs needs = needs_of({line, std::min(line + strip_, mine.end)});
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const std::size_t step = first_ + i;
      ops::RunArgs operands = args(step);
      operands.worker_scratch = scratch + buffer_bytes_;
      ops::RowPart part{needs[i], operands.src[0], 0, operands.dst[0], 0};
      if (i > 0) {
        part.src = scratch + buffers_[i - 1];
        part.src_line = needs[i - 1].begin;
      }
      if (i + 1 < links_.size()) {
        // Lines that the strip before needed too are there already.
        const std::size_t line_bytes = links_[i].line_bytes;
        std::byte* buffer = scratch + buffers_[i];
        const std::int64_t kept = std::max<std::int64_t>(held[i].end - needs[i].begin, 0);
        if (kept > 0) {
          const std::byte* from =
              buffer + static_cast<std::size_t>(needs[i].begin - held[i].begin) * line_bytes;
          std::memmove(buffer, from, static_cast<std::size_t>(kept) * line_bytes);
        }
        held[i] = needs[i];
        part.dst = buffer;
        part.dst_line = needs[i].begin;
        part.lines.begin += kept;
      }
      if (part.lines.begin == part.lines.end || step < begin || step >= end) continue;
      links_[i].step->run_rows(operands, part);
      after(step);
    }
  }
}

}  // namespace godwit::engine
