//! Reads one file by TFTP (RFC 1350), octet mode, 512-byte blocks, no options.
//!
//! 1. The phone sends a read request to the server's port.
//! 2. The server answers from a port of its own, block by block; the phone acknowledges each.
//! 3. A block shorter than 512 bytes is the last.
//!
//! Whatever is lost is sent again after `patience`, at most [`TRIES`] times.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{UdpSocket, lookup_host};

use crate::transport::LARGEST;
use crate::url::Url;

/// How long a real phone waits before it repeats itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// How often it says the same thing before it gives up.
const TRIES: u32 = 5;
const BLOCK: usize = 512;

/// The file did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TftpError {
    /// The name is unknown, or the network is away.
    #[error("cannot reach {server} by tftp: {cause}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// What the system says.
        cause: io::Error,
    },
    /// Five tries, no answer.
    #[error("{server} did not answer by tftp")]
    Silent {
        /// Host and port.
        server: String,
    },
    /// Error code 1 of RFC 1350.
    #[error("the tftp server has no such file")]
    NotFound,
    /// Any other error code.
    #[error("the tftp server refused with error {code}")]
    Refused {
        /// The number on the wire.
        code: u16,
    },
    /// More than a profile can be.
    #[error("the file is larger than 2 MiB")]
    TooLong,
}

/// What a server can say to a reader.
enum Packet<'a> {
    Data { block: u16, bytes: &'a [u8] },
    Error { code: u16 },
}

/// A read that is going on.
struct Transfer {
    socket: UdpSocket,
    /// The address that was asked.
    asked: SocketAddr,
    /// The port from which the server answers this read (its transfer id).
    peer: Option<SocketAddr>,
    last_sent: Vec<u8>,
    patience: Duration,
}

/// Downloads the file that `url` names.
pub(crate) async fn read(url: &Url, patience: Duration) -> Result<Bytes, TftpError> {
    let server = || url.authority();
    let unreachable = |cause| TftpError::Unreachable { server: server(), cause };
    let mut transfer = Transfer::begin(url, patience).await.map_err(unreachable)?;
    let mut file = Vec::new();
    let mut expected = 1_u16;
    loop {
        let datagram =
            transfer.receive().await.map_err(unreachable)?.ok_or_else(|| TftpError::Silent { server: server() })?;
        match Packet::read(&datagram) {
            Some(Packet::Data { block, bytes }) if block == expected => {
                file.extend_from_slice(bytes);
                transfer.acknowledge(block).await.map_err(unreachable)?;
                if bytes.len() < BLOCK {
                    return Ok(file.into());
                }
                if file.len() > LARGEST {
                    return Err(TftpError::TooLong);
                }
                expected = expected.wrapping_add(1);
            }
            // The acknowledgement of a block seen before was lost.
            Some(Packet::Data { block, .. }) if block == expected.wrapping_sub(1) => {
                transfer.acknowledge(block).await.map_err(unreachable)?;
            }
            Some(Packet::Error { code: 1 }) => return Err(TftpError::NotFound),
            Some(Packet::Error { code }) => return Err(TftpError::Refused { code }),
            Some(Packet::Data { .. }) | None => {}
        }
    }
}

impl Transfer {
    async fn begin(url: &Url, patience: Duration) -> io::Result<Self> {
        let unknown = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let asked = lookup_host((url.host(), url.port())).await?.next().ok_or_else(unknown)?;
        let any: IpAddr = if asked.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).await?;
        let mut request = vec![0, 1];
        request.extend_from_slice(url.target().as_bytes());
        request.extend_from_slice(b"\0octet\0");
        socket.send_to(&request, asked).await?;
        Ok(Self { socket, asked, peer: None, last_sent: request, patience })
    }

    /// The next datagram of this read, or `None` when the server stays silent.
    async fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = [0; BLOCK + 5];
        for _ in 0..TRIES {
            // One deadline for each try: strangers' datagrams must not prolong it.
            let deadline = tokio::time::Instant::now() + self.patience;
            while let Ok(received) = tokio::time::timeout_at(deadline, self.socket.recv_from(&mut buffer)).await {
                let (length, from) = received?;
                if self.is_peer(from) {
                    return Ok(Some(buffer.get(..length).unwrap_or_default().to_vec()));
                }
            }
            self.socket.send_to(&self.last_sent, self.peer.unwrap_or(self.asked)).await?;
        }
        Ok(None)
    }

    /// The first answer's port is the server's for this read; afterwards no other counts.
    fn is_peer(&mut self, from: SocketAddr) -> bool {
        if from.ip() != self.asked.ip() {
            return false;
        }
        *self.peer.get_or_insert(from) == from
    }

    async fn acknowledge(&mut self, block: u16) -> io::Result<()> {
        let [high, low] = block.to_be_bytes();
        self.last_sent = vec![0, 4, high, low];
        self.socket.send_to(&self.last_sent, self.peer.unwrap_or(self.asked)).await?;
        Ok(())
    }
}

impl<'a> Packet<'a> {
    fn read(datagram: &'a [u8]) -> Option<Self> {
        match datagram {
            [0, 3, high, low, bytes @ ..] if bytes.len() <= BLOCK => {
                Some(Self::Data { block: u16::from_be_bytes([*high, *low]), bytes })
            }
            [0, 5, high, low, ..] => Some(Self::Error { code: u16::from_be_bytes([*high, *low]) }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    fn data(block: u16, bytes: &[u8]) -> Vec<u8> {
        [&[0, 3], &block.to_be_bytes()[..], bytes].concat()
    }

    async fn socket() -> UdpSocket {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket")
    }

    fn url(server: &UdpSocket) -> Url {
        let port = server.local_addr().expect("an address").port();
        Url::parse(&format!("tftp://127.0.0.1:{port}/a/b.cfg")).expect("an address")
    }

    async fn hear(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 600];
        let heard = tokio::time::timeout(Duration::from_secs(10), socket.recv_from(&mut buffer)).await;
        let (length, from) = heard.expect("the phone speaks in time").expect("a datagram");
        (buffer[..length].to_vec(), from)
    }

    #[tokio::test]
    async fn blocks_are_collected_through_loss_repetition_and_strangers() {
        let server = socket().await;
        let reading = tokio::spawn({
            let url = url(&server);
            async move { read(&url, SHORT).await }
        });
        let request = b"\0\x01/a/b.cfg\0octet\0".to_vec();
        let (first, phone) = hear(&server).await;
        assert_eq!(first, request);
        // The first request is lost, so it comes again.
        assert_eq!(hear(&server).await.0, request);
        let transfer = socket().await;
        transfer.send_to(&data(1, &[7; BLOCK]), phone).await.expect("sent");
        assert_eq!(hear(&transfer).await.0, [0, 4, 0, 1]);
        // Somebody else's block does not count, and a repeated one is only acknowledged again.
        socket().await.send_to(&data(2, b"evil"), phone).await.expect("sent");
        transfer.send_to(&data(1, &[7; BLOCK]), phone).await.expect("sent");
        assert_eq!(hear(&transfer).await.0, [0, 4, 0, 1]);
        transfer.send_to(&data(2, b"end"), phone).await.expect("sent");
        let file = reading.await.expect("no panic").expect("the file");
        assert_eq!(file.len(), BLOCK + 3);
        assert!(file.ends_with(b"\x07end"));
    }

    #[tokio::test]
    async fn refusals_and_silence_are_told_apart() {
        for (code, expected) in [(1, "the tftp server has no such file"), (2, "the tftp server refused with error 2")] {
            let server = socket().await;
            let address = url(&server);
            let answering = async {
                let (_, phone) = hear(&server).await;
                server.send_to(&[0, 5, 0, code, b'x', 0], phone).await.expect("sent");
            };
            let (outcome, ()) = tokio::join!(read(&address, SHORT), answering);
            assert_eq!(outcome.expect_err("a refusal").to_string(), expected);
        }
        let silent = socket().await;
        let outcome = read(&url(&silent), Duration::from_millis(2)).await.expect_err("silence");
        assert!(matches!(outcome, TftpError::Silent { .. }), "{outcome}");
    }
}
