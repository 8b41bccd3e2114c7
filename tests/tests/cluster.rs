//! Tests of several gateways as processes, with PostgreSQL and NATS. `tests/cluster/run` starts them.

#[path = "cluster/refusals.rs"]
mod refusals;
