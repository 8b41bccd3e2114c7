//! [`HttpSettings`]: the host names that the gateway answers to, and the web pages that may use it.

use super::section::section;

section! {
    /// Names of the gateway, and web pages that may use it. They count for every route and every WebSocket. See [hosts and web
    /// pages](gateway.md#hosts-and-web-pages).
    #[derive(PartialEq, Eq)]
    pub struct HttpSettings: "http" titled "Hosts and web pages" {
        /// Names of the gateway, such as gateway.example.com or gateway.example.com:8443.
        ///
        /// Requests for other names are refused with 403 on a loopback address, and on any address once there is a name. Loopback names are
        /// always accepted, and so are IP addresses unless the gateway listens on a loopback address. A proxy that passes the client's
        /// `Host` on needs its name here.
        pub names: Vec<String> = Vec::new(), shaped("NAMES"), common();
        /// Origins of web pages that may use the gateway, such as https://app.example.com; null stands for files.
        ///
        /// Always accepted are pages of the gateway itself, and, on a loopback address, pages of servers on the same machine. `null` also
        /// stands for all sandboxed frames.
        pub allowed_origins: Vec<String> = Vec::new(), shaped("ORIGINS"), common();
    }
}
