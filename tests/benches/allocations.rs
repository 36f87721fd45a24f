//! A hundred ports one after the other, the way the commands ask for them, against a real daemon of the bench's own.
//! Beside each the echo of 100 bytes over a unix socket, so that the ratio holds on a busy machine as well.
//!
//! One line of `name=value` words for whoever collects them: `cargo bench -p portus-tests --bench allocations`.
//! `PORTUS_BIN` names the binary to measure, a release build say.
#![cfg_attr(unix, expect(clippy::print_stdout, reason = "a bench tells what it measured"))]

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    measured::main()
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod measured {
    use std::io::{self, Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::time::{Duration, Instant};

    use portus_os::place::Home;
    use portus_tests::Rig;
    use portus_tests::wish::{connect, for_one_port, numbered_key};

    const COUNT: usize = 100;
    const LIMIT: Duration = Duration::from_secs(1);
    const FRAME_LEN: usize = 100;

    pub(super) fn main() -> io::Result<()> {
        let rig = Rig::new();
        let (first, last) = rig.pool();
        assert!(usize::from(last - first) >= COUNT, "the pool is too small");
        let mut client = connect(&Home::at(rig.home()));
        let (mut near, far) = UnixStream::pair()?;
        let echo = std::thread::spawn(move || serve_echo(far));
        let (mut leases, mut echoes) = (Vec::new(), Vec::new());
        let mut frame = [7; FRAME_LEN];
        for number in 0..COUNT {
            let began = Instant::now();
            near.write_all(&frame)?;
            near.read_exact(&mut frame)?;
            echoes.push(began.elapsed());
            let wish = for_one_port(numbered_key(number));
            let began = Instant::now();
            client.request(wish).map_err(io::Error::other)?;
            leases.push(began.elapsed());
        }
        drop(near);
        echo.join().map_err(|_| io::Error::other("the echo has panicked"))??;
        let total: Duration = leases.iter().sum();
        let (lease, echo) = (median(leases), median(echoes));
        println!(
            "allocations count={COUNT} total_ms={:.2} lease_p50_us={:.1} echo_p50_us={:.1} ratio={:.2} limit_ms={} met={}",
            total.as_secs_f64() * 1e3,
            lease.as_secs_f64() * 1e6,
            echo.as_secs_f64() * 1e6,
            lease.as_secs_f64() / echo.as_secs_f64(),
            LIMIT.as_millis(),
            total < LIMIT,
        );
        Ok(())
    }

    fn serve_echo(mut stream: UnixStream) -> io::Result<()> {
        let mut frame = [0; FRAME_LEN];
        loop {
            match stream.read_exact(&mut frame) {
                Ok(()) => stream.write_all(&frame)?,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn median(mut times: Vec<Duration>) -> Duration {
        times.sort();
        times[times.len() / 2]
    }
}
