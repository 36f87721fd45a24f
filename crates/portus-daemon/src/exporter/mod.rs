//! The figures on a loopback address, for scrapers: `GET /metrics`, and nothing else.
//!
//! A few connections at once, each with little to say and little time to say it. A page in a browser that has got this
//! machine's address by a trick of the name service is refused by the name it asks for. Start reading at
//! [`Exporter::serve`]; [`request`] reads what came in, and is pure.

mod request;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use portus_core::{Broker, Port};
use portus_proto::prometheus;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::hub::Job;
use request::{Answer, HEAD_LEN_MAX, Status};

/// So many scrapers are served at once; more wait to be let in.
const SCRAPERS_MAX: usize = 8;
/// One gets so long for its request, for its answer, and to be gone.
const EACH_WITHIN: Duration = Duration::from_secs(2);
/// What a scraper sends beyond its request is read up to here, so that it gets to see its answer.
const REST_LEN_MAX: usize = 64 * 1_024;
/// When no scraper can be let in, for want of descriptors say, the next is after this.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);

/// The address on which figures are served.
#[derive(Debug)]
pub(crate) struct Exporter {
    listener: TcpListener,
    address: SocketAddr,
}

impl Exporter {
    /// Listens.
    ///
    /// # Errors
    /// Why not, as the end of a sentence: the address is none of the loopback interface, somebody has it, or a lease
    /// has its port.
    pub(crate) async fn bind(address: SocketAddr, broker: &Broker) -> Result<Self, String> {
        if !is_loopback(address.ip()) {
            return Err("it is not on the loopback interface".to_owned());
        }
        if let Some(lease) = Port::new(address.port()).and_then(|port| broker.lease_on(port)) {
            let key = &lease.key;
            return Err(format!("the port is leased to `{}` of {} ({})", key.service, key.project, key.worktree));
        }
        let listener = TcpListener::bind(address).await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        Ok(Self { listener, address })
    }

    /// Where it listens: the port that was got, where any would do.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves scrapers, for as long as the daemon lives.
    pub(crate) async fn serve(self, jobs: mpsc::Sender<Job>) {
        let room = Arc::new(Semaphore::new(SCRAPERS_MAX));
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (jobs, address) = (jobs.clone(), self.address);
                    tokio::spawn(async move {
                        converse(stream, address, &jobs).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a scraper could not be let in");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
}

/// Whether an address is this machine's own and nobody else's, also where it is written as one of IPv6.
fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// One request, one answer, and goodbye. Whatever goes wrong with the connection ends it.
async fn converse(mut stream: TcpStream, address: SocketAddr, jobs: &mpsc::Sender<Job>) {
    let answer = match timeout(EACH_WITHIN, head(&mut stream)).await {
        Err(_elapsed) => Answer::no(Status::TimedOut),
        // It is gone, or never said a word.
        Ok(None) => return,
        Ok(Some(head)) => match request::judge(&head, address) {
            Status::Ok => figures(jobs).await,
            status => Answer::no(status),
        },
    };
    let goodbye = async {
        stream.write_all(&answer.bytes()).await?;
        stream.shutdown().await?;
        let (mut rest, mut len) = ([0; 4_096], 0);
        // Closed with something unread, the connection would be torn down before the answer is taken.
        while len < REST_LEN_MAX {
            match stream.read(&mut rest).await? {
                0 => break,
                more => len += more,
            }
        }
        std::io::Result::Ok(())
    };
    // Nobody is left to be told.
    drop(timeout(EACH_WITHIN, goodbye).await);
}

/// Reads up to the end of a request's head, or as much of it as is taken.
async fn head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while head.len() <= HEAD_LEN_MAX && !request::is_whole(&head) {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            break;
        }
    }
    Some(head).filter(|head| !head.is_empty())
}

async fn figures(jobs: &mpsc::Sender<Job>) -> Answer {
    let (to, stats) = oneshot::channel();
    let asked = async {
        jobs.send(Job::Stats(to)).await.ok()?;
        stats.await.ok()
    };
    match timeout(EACH_WITHIN, asked).await {
        Ok(Some(stats)) => Answer { status: Status::Ok, body: prometheus::text(&stats) },
        Ok(None) | Err(_) => Answer::no(Status::Unavailable),
    }
}
