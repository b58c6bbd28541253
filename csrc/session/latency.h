// Estimates how long a picture will take, before the first one arrives.
#pragma once

#include "csrc/session/frame_runner.h"
#include "csrc/session/packed_model.h"
#include "csrc/session/workers.h"

namespace srdgan {

// Milliseconds of FrameRunner::run() for pictures of this form, measured: on a whole picture if that is quick, else on
// a smaller one of the same form, in proportion to its pixels. Takes a fraction of a second. `runner` is that of
// `config`.
double estimate_latency(const PackedModel& model, Workers& workers, const SessionConfig& config, FrameRunner& runner);

}  // namespace srdgan
