//! Where the server listens: addresses with a port, and Unix sockets.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::error::Failure;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// What listens.
#[derive(Debug)]
pub enum Listener {
    /// On an address and a port.
    Tcp(TcpListener),
    /// On a Unix socket.
    Unix(UnixListener, Socket),
}

/// The file of a Unix socket, which is removed with this.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    inode: Option<u64>,
}

/// A connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection, and the address of who is at its other end, if they have one.
pub type Accepted = (Box<dyn Stream>, Option<IpAddr>);

impl Address {
    /// Reads `ADDRESS:PORT` or `unix:PATH`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some("") => Err("expected a path after unix:, such as unix:/run/sluice.sock".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| "expected ADDRESS:PORT such as 127.0.0.1:8080, or unix:/run/sluice.sock".to_owned()),
        }
    }

    /// Listens there.
    pub async fn listen(&self) -> Result<Listener, Failure> {
        let listener = match self {
            Self::Tcp(address) => TcpListener::bind(address).await.map(Listener::Tcp),
            Self::Unix(path) => listen_on(path),
        };
        listener.map_err(|error| self.cannot_listen(&error))
    }

    fn cannot_listen(&self, error: &io::Error) -> Failure {
        let way_out = match error.kind() {
            io::ErrorKind::AddrInUse => "; stop the other server or give another address",
            _ => "",
        };
        Failure::work(format!("cannot listen on {self}: {error}{way_out}"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Listens on a Unix socket. One that a server has left behind is removed; one that a server listens on is not.
fn listen_on(path: &Path) -> io::Result<Listener> {
    let left_behind = || {
        let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
        is_socket
            && std::os::unix::net::UnixStream::connect(path)
                .is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused)
    };
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && left_behind() => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        other => other?,
    };
    let inode = std::fs::symlink_metadata(path).ok().map(|found| found.ino());
    Ok(Listener::Unix(listener, Socket { path: path.to_owned(), inode }))
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Another server may have put its own there since.
        let is_ours = std::fs::symlink_metadata(&self.path).is_ok_and(|found| Some(found.ino()) == self.inode);
        if is_ours {
            // Whoever comes next removes it otherwise.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Listener {
    /// The next connection.
    pub async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // An answer is one write, which is not to wait for an acknowledgement. Without it, it is slower alone.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), Some(peer.ip())))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), None))
            }
        }
    }

    /// Where it listens, as clients are told.
    pub fn url(&self) -> Result<String, Failure> {
        match self {
            Self::Tcp(listener) => listener
                .local_addr()
                .map(|address| format!("http://{address}"))
                .map_err(|error| Failure::work(format!("cannot tell the port: {error}"))),
            Self::Unix(_, socket) => Ok(format!("unix:{}", socket.path.display())),
        }
    }
}
