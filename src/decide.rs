//! Decide: request + State -> Change or Refusal. Pure: ids, time and facts are given.
