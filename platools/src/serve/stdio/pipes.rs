//! [`Pipes`]: reads standard input and writes standard output on threads of their own.
//!
//! Tokio reads standard input on its blocking pool, and a runtime waits for that pool when it ends. After a signal, the process would hang
//! until the client writes something. Nobody waits for the threads here: they end with the process.

use std::io::{self, Read as _, Write as _};
use std::thread;

use futures::executor::block_on;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_util::sync::CancellationToken;

/// The bytes that are read ahead, and those that may wait to be written.
const BUFFER: usize = 64 * 1024;

/// Standard input and output.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) input: DuplexStream,
    pub(super) output: DuplexStream,
    /// Cancelled when all is written after `output` was closed, or when nothing can be written any more.
    pub(super) written: CancellationToken,
}

impl Pipes {
    /// Begins to read and to write.
    pub(super) fn open() -> Self {
        let ((input, from_client), (output, to_client)) = (duplex(BUFFER), duplex(BUFFER));
        let written = CancellationToken::new();
        let guard = written.clone().drop_guard();
        thread::spawn(move || read(from_client));
        thread::spawn(move || {
            // Dropped at the end, however it comes.
            let _guard = guard;
            if let Err(error) = write(to_client) {
                tracing::debug!(%error, "the client cannot be written to");
            }
        });
        Self { input, output, written }
    }
}

/// An error ends the input as its end does.
fn read(mut server: DuplexStream) {
    let (mut input, mut buffer) = (io::stdin().lock(), vec![0; BUFFER]);
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) if block_on(server.write_all(&buffer[..read])).is_err() => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::debug!(%error, "standard input cannot be read");
                return;
            }
        }
    }
}

fn write(mut server: DuplexStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match block_on(server.read(&mut buffer))? {
            0 => return Ok(()),
            read => {
                let mut output = io::stdout().lock();
                output.write_all(&buffer[..read])?;
                output.flush()?;
            }
        }
    }
}
