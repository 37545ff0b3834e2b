//! R14: replies without measure. Neither a GiB nor what unpacks to one is kept in memory, and the error says what it was.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::wire::set_up;
use super::{small, stored};
use crate::support::Profile;

const GIB: usize = 1024 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Monster {
    /// With its length in the head.
    Announced,
    /// In chunks without an end in sight.
    Chunked,
    /// A few MiB that unpack to it.
    Packed,
}

/// Blanks by the GiB as gzip, by hand: a literal, and then matches of the longest length at distance one.
fn packed() -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bits, mut count) = (0_u64, 0);
    let mut push = |value: u64, length: u32| {
        bits |= value << count;
        count += length;
        while count >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    push(0b011, 3);
    push(0b0000_1010, 8);
    for _ in 0..GIB / 258 {
        push(0b1010_0011, 13);
    }
    push(0, 15);
    out.extend([0; 8]);
    out
}

/// A Halo that answers every question about its data with a monster.
async fn serve(monster: Monster) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let packed: Arc<[u8]> = if monster == Monster::Packed { packed().into() } else { Arc::new([]) };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, monster, Arc::clone(&packed)));
        }
    });
    url
}

/// Ends when the other side has had enough.
async fn answer(mut stream: TcpStream, monster: Monster, packed: Arc<[u8]>) -> std::io::Result<()> {
    let mut asked = Vec::new();
    let mut buffer = [0; 4096];
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            count => asked.extend_from_slice(&buffer[..count]),
        }
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    if asked.starts_with(b"POST /auth/token") {
        let body = r#"{"access_token":"abc","expires_in":3600}"#;
        return stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
    }
    let blanks = vec![b' '; 64 * 1024];
    match monster {
        Monster::Announced => stream.write_all(format!("{head}Content-Length: {GIB}\r\n\r\n").as_bytes()).await?,
        Monster::Chunked => stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).await?,
        Monster::Packed => {
            let length = packed.len();
            let head = format!("{head}Content-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            return stream.write_all(&packed).await;
        }
    }
    for _ in 0..GIB / blanks.len() {
        if monster == Monster::Chunked {
            stream.write_all(format!("{:x}\r\n", blanks.len()).as_bytes()).await?;
        }
        stream.write_all(&blanks).await?;
        if monster == Monster::Chunked {
            stream.write_all(b"\r\n").await?;
        }
    }
    Ok(())
}

/// The most memory that a run of the program held, in MiB, with what it printed.
fn watched(mut command: std::process::Command) -> (u64, i32, String) {
    let mut child = command.spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0);
        peak = peak.max(now);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    };
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut said).unwrap();
    (peak / 1024, ended.code().unwrap_or(-1), said)
}

/// R14: the error names the limit, the memory stays below 150 MiB, and nothing of it is stored.
#[tokio::test(flavor = "multi_thread")]
async fn replies_without_measure_fill_no_memory_and_change_nothing() {
    for monster in [Monster::Announced, Monster::Chunked, Monster::Packed] {
        let profile = Profile::with(small()).await;
        set_up(&profile, &serve(monster).await, None).await;
        let command = profile.command(["sync", "--json"]);
        let (peak, code, said) = tokio::task::spawn_blocking(move || watched(command)).await.unwrap();
        assert!(code != 0 && said.contains("failed") && said.contains("32 MiB"), "{monster:?}: {code} {said}");
        assert!((1..150).contains(&peak), "{monster:?}: {peak} MiB");
        assert!(stored(&profile).is_empty(), "{monster:?}");
    }
}
