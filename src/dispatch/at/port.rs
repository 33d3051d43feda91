//! The way to a modem: a serial line, or a converter on the network.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serialport::SerialPort;

use super::telnet::Telnet;
use crate::config::modem::Port as Place;

/// Bytes to and from a modem.
pub(in crate::dispatch) trait Port: Send {
    /// Waits for bytes at most as long as the port was opened with ([`LISTEN`]); then the error's kind is `TimedOut` or
    /// `WouldBlock`. Zero bytes: the far end has closed.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes everything, within [`WRITE`].
    fn write(&mut self, octets: &[u8]) -> io::Result<()>;
    /// The same line for another thread.
    fn twin(&self) -> io::Result<Box<dyn Port>>;
    /// Wakes whoever reads, where that can be done.
    fn close(&mut self);
}

/// So long a read waits: who listens looks up that often whether it is still wanted.
const LISTEN: Duration = Duration::from_secs(1);
const WRITE: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(5);

/// Opens it, and says how its bytes are to be read. A serial line is ours alone while it is open.
pub(in crate::dispatch) fn open(place: &Place) -> io::Result<(Box<dyn Port>, Telnet)> {
    match place {
        Place::Serial { path, baud } => {
            let port = serialport::new(path.to_string_lossy(), *baud).timeout(LISTEN).dtr_on_open(true).open()?;
            Ok((Box::new(Serial(port)), Telnet::tolerant()))
        }
        Place::Tcp { host, port } => Ok((Box::new(Tcp(connect(host, *port)?)), Telnet::tolerant())),
        Place::Rfc2217 { host, port, baud } => {
            let (mut port, telnet) = (Tcp(connect(host, *port)?), Telnet::com_port(*baud));
            Port::write(&mut port, &telnet.hello())?;
            Ok((Box::new(port), telnet))
        }
    }
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(LISTEN))?;
                stream.set_write_timeout(Some(WRITE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

struct Serial(Box<dyn SerialPort>);

impl Port for Serial {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    /// Without waiting until the last bit is on the line: a line that is held up would hold us up for good.
    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.write_all(octets)
    }

    fn twin(&self) -> io::Result<Box<dyn Port>> {
        Ok(Box::new(Self(self.0.try_clone()?)))
    }

    fn close(&mut self) {}
}

struct Tcp(TcpStream);

impl Port for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.write_all(octets)
    }

    fn twin(&self) -> io::Result<Box<dyn Port>> {
        Ok(Box::new(Self(self.0.try_clone()?)))
    }

    fn close(&mut self) {
        drop(self.0.shutdown(std::net::Shutdown::Both));
    }
}
