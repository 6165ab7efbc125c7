//! The API: HTTP and JSON on RUN_DIR/api.sock. A call is `POST /v1/METHOD`; its types stand in [`call`].

pub mod call;
pub mod client;
pub mod metrics;
pub mod render;
pub mod server;
pub mod view;
