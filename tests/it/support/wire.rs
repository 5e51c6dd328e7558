//! A bare connection: for what no well-behaved client would send, and for many small questions.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::server::PATIENCE;

/// A TCP connection to one of a server's ports.
pub struct Wire {
    stream: TcpStream,
}

impl Wire {
    /// Connects to the port of `url`, such as `https://localhost:8443`; panics where nobody takes it.
    pub fn to(url: &str) -> Self {
        Self::attempt(url).expect("a connection")
    }

    /// Connects, unless nobody listens.
    pub fn attempt(url: &str) -> Option<Self> {
        let (_, port) = url.rsplit_once(':').expect("a port");
        let address = SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
        let stream = TcpStream::connect(address).ok()?;
        // Only a failing test waits so long.
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Some(Self { stream })
    }

    /// Sends these bytes; what the other side does not want any more is not an error.
    pub fn say(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Tells the other side that nothing more will come.
    pub fn fall_silent(self) -> Self {
        // It may have gone already.
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Everything that comes until `end` does; panics where it does not.
    pub fn hear_until(mut self, end: &str) -> (Self, String) {
        let (mut heard, mut byte) = (Vec::new(), [0]);
        while !heard.ends_with(end.as_bytes()) {
            let count = self.stream.read(&mut byte).expect("something to hear");
            assert_eq!(count, 1, "the connection ended after {:?}", String::from_utf8_lossy(&heard));
            heard.extend(byte);
        }
        (self, String::from_utf8_lossy(&heard).into_owned())
    }

    /// Everything that comes until the other side ends the connection; panics where it does not end it.
    pub fn hear(mut self) -> String {
        let mut heard = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut heard) {
            // A server that has refused a request may close with some of it unread.
            assert_eq!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset,
                "after {:?}",
                String::from_utf8_lossy(&heard)
            );
        }
        String::from_utf8_lossy(&heard).into_owned()
    }
}

/// One request, which gets a connection of its own.
pub struct Question<'a> {
    /// Such as `GET /00562b043615.cfg`.
    pub line: &'a str,
    /// Empty where nobody needs to be logged in.
    pub token: &'a str,
    pub body: &'a str,
}

impl Question<'_> {
    /// Asks in HTTP/1.0; `None` where there is no whole answer, because nobody is there any more.
    pub fn put_to(&self, url: &str) -> Option<(u16, String)> {
        self.put_on(Wire::attempt(url)?)
    }

    /// The same on a connection that is there already.
    pub fn put_on(&self, wire: Wire) -> Option<(u16, String)> {
        let Self { line, token, body } = self;
        let head = format!("Host: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json");
        let request = format!("{line} HTTP/1.0\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        whole_answer(&wire.say(request).hear())
    }
}

fn whole_answer(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let status = head.split(' ').nth(1)?.parse().expect("a status");
    (body.len() == length.parse::<usize>().expect("a length")).then(|| (status, body.to_owned()))
}
