//! Systems other than Linux: their own tables, in which a socket already names its process.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use portus_core::{Port, Protocol};

use super::listeners::Socket;

/// Nothing is kept open between questions.
#[derive(Debug)]
pub(super) struct Source;

impl Source {
    #[expect(clippy::unnecessary_wraps, reason = "the same shape as Linux's")]
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "the same shape as Linux's")]
    pub(super) fn listeners(&mut self, port: Option<Port>, protocol: Protocol) -> io::Result<Vec<Socket>> {
        let mut found = all(protocol)?;
        found.retain(|socket| port.is_none_or(|port| socket.port == port));
        Ok(found)
    }
}

/// A socket's handle is its owner's process id here.
pub(super) fn owners(inodes: &BTreeSet<u64>) -> BTreeMap<u64, Vec<u32>> {
    inodes.iter().filter_map(|&handle| Some((handle, vec![u32::try_from(handle).ok()?]))).collect()
}

pub(super) fn owners_among(pids: impl IntoIterator<Item = u32>, inodes: &BTreeSet<u64>) -> BTreeMap<u64, Vec<u32>> {
    pids.into_iter().filter(|&pid| inodes.contains(&u64::from(pid))).map(|pid| (u64::from(pid), vec![pid])).collect()
}

#[cfg(target_os = "macos")]
fn all(protocol: Protocol) -> io::Result<Vec<Socket>> {
    let found = listeners::get_all().map_err(|error| io::Error::other(error.to_string()))?;
    let sockets = found.into_iter().filter_map(|listener| {
        let own = match listener.protocol {
            listeners::Protocol::TCP if listener.state == listeners::SocketState::Listen => Protocol::Tcp,
            listeners::Protocol::TCP => return None,
            listeners::Protocol::UDP => Protocol::Udp,
        };
        protocol.covers(own).then_some(())?;
        Some(Socket {
            port: Port::new(listener.socket.port())?,
            protocol: own,
            address: listener.socket.ip().to_canonical(),
            inode: u64::from(listener.process.pid),
            uid: 0,
        })
    });
    Ok(sockets.collect())
}

#[cfg(windows)]
use windows::all;

#[cfg(windows)]
mod windows {
    #![expect(unsafe_code, reason = "the system's tables are read as it lays them out")]

    use std::net::IpAddr;

    use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR};
    use windows_sys::Win32::NetworkManagement::IpHelper::{
        GetExtendedTcpTable, GetExtendedUdpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID, MIB_UDP6ROW_OWNER_PID,
        MIB_UDPROW_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER, UDP_TABLE_OWNER_PID,
    };
    use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};

    use super::{Port, Protocol, Socket, io};

    pub(super) fn all(protocol: Protocol) -> io::Result<Vec<Socket>> {
        let mut found = Vec::new();
        if protocol.tcp() {
            each_row(tcp_table(AF_INET), |row: &MIB_TCPROW_OWNER_PID| {
                found.extend(socket(Protocol::Tcp, v4(row.dwLocalAddr), row.dwLocalPort, row.dwOwningPid));
            })?;
            each_row(tcp_table(AF_INET6), |row: &MIB_TCP6ROW_OWNER_PID| {
                found.extend(socket(Protocol::Tcp, row.ucLocalAddr.into(), row.dwLocalPort, row.dwOwningPid));
            })?;
        }
        if protocol.udp() {
            each_row(udp_table(AF_INET), |row: &MIB_UDPROW_OWNER_PID| {
                found.extend(socket(Protocol::Udp, v4(row.dwLocalAddr), row.dwLocalPort, row.dwOwningPid));
            })?;
            each_row(udp_table(AF_INET6), |row: &MIB_UDP6ROW_OWNER_PID| {
                found.extend(socket(Protocol::Udp, row.ucLocalAddr.into(), row.dwLocalPort, row.dwOwningPid));
            })?;
        }
        Ok(found)
    }

    /// An address comes with its bytes in the order of the wire.
    fn v4(address: u32) -> IpAddr {
        IpAddr::from(address.to_ne_bytes())
    }

    /// A port comes in the order of the wire, in the lower half.
    fn socket(protocol: Protocol, address: IpAddr, port: u32, pid: u32) -> Option<Socket> {
        let [high, low, ..] = port.to_ne_bytes();
        let port = Port::new(u16::from_be_bytes([high, low]))?;
        Some(Socket { port, protocol, address: address.to_canonical(), inode: u64::from(pid), uid: 0 })
    }

    fn tcp_table(family: u16) -> impl Fn(*mut core::ffi::c_void, *mut u32) -> u32 {
        // SAFETY: called below with a buffer of the stated size.
        move |table, len| unsafe {
            GetExtendedTcpTable(table, len, 0, u32::from(family), TCP_TABLE_OWNER_PID_LISTENER, 0)
        }
    }

    fn udp_table(family: u16) -> impl Fn(*mut core::ffi::c_void, *mut u32) -> u32 {
        // SAFETY: called below with a buffer of the stated size.
        move |table, len| unsafe { GetExtendedUdpTable(table, len, 0, u32::from(family), UDP_TABLE_OWNER_PID, 0) }
    }

    /// A table is a count, and then that many rows. All are made of 32-bit numbers.
    fn each_row<Row: Copy>(
        fill: impl Fn(*mut core::ffi::c_void, *mut u32) -> u32,
        mut each: impl FnMut(&Row),
    ) -> io::Result<()> {
        const TRIES: usize = 8;
        let mut buffer: Vec<u32> = vec![0; 4 * 1024];
        for _ in 0..TRIES {
            let mut len = u32::try_from(buffer.len() * 4).unwrap_or(u32::MAX);
            match fill(buffer.as_mut_ptr().cast(), &raw mut len) {
                NO_ERROR => {
                    let room = (buffer.len() - 1) * 4 / size_of::<Row>();
                    let count = usize::try_from(buffer[0]).unwrap_or(0).min(room);
                    // SAFETY: the rows follow the count, are aligned like it, and are within the buffer.
                    let rows = unsafe { std::slice::from_raw_parts(buffer[1..].as_ptr().cast::<Row>(), count) };
                    rows.iter().for_each(&mut each);
                    return Ok(());
                }
                // The table may grow between two calls.
                ERROR_INSUFFICIENT_BUFFER => buffer.resize(len as usize / 4 + 1024, 0),
                code => return Err(io::Error::from_raw_os_error(code.cast_signed())),
            }
        }
        Err(io::Error::other("the table of sockets grows faster than it can be read"))
    }
}
