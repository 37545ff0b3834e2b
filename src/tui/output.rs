//! One frame is one write, and a terminal that reads slowly holds up nobody but itself.
//!
//! ratatui draws into memory. A finished frame goes to a thread of its own, which may block in `write` for as long as
//! the terminal likes; until it comes back no further frame is drawn. Frames are differences, so one that was drawn
//! cannot be thrown away: it is the drawing that is skipped, and what is drawn next is the latest state (never a queue
//! of old ones). The event loop and the tasks never wait for the terminal.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::pen::Pen;
use super::session::SessionHandle;

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
/// Enough for a full repaint of a large terminal, so that a frame hardly ever grows its buffer.
const FRAME_CAPACITY: usize = 64 * 1024;

/// Bytes on their way to the terminal. Erased after use: a copied token passes here.
type Bytes = Zeroizing<Vec<u8>>;

/// The terminal cannot be written to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Writes only while the terminal is ours: a frame that comes after a panic's restore is dropped.
pub struct Guarded<W> {
    writer: W,
    session: SessionHandle,
}

impl<W: Write> Guarded<W> {
    /// Puts the session before the writer.
    pub fn new(writer: W, session: SessionHandle) -> Self {
        Self { writer, session }
    }
}

impl<W: Write> Write for Guarded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.session.is_entered() { self.writer.write(bytes) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Where a frame is drawn before it is sent: memory.
type FrameBuffer = Arc<Mutex<Bytes>>;

#[derive(Clone, Copy, Default)]
struct Written {
    count: u64,
    gone: bool,
}

/// Takes finished frames to the terminal, one at a time.
pub struct Outlet {
    buffer: FrameBuffer,
    size: Arc<AtomicU32>,
    synchronised: bool,
    to_writer: mpsc::Sender<Bytes>,
    written: watch::Receiver<Written>,
    sent: u64,
    /// Bytes beside the frames that wait for the writer; the latest replace those before.
    waiting: Option<Bytes>,
}

impl Outlet {
    /// Starts the writing thread. `synchronised` puts each frame into a synchronised update, against tearing.
    pub fn start(writer: impl Write + Send + 'static, synchronised: bool, size: Size) -> io::Result<Self> {
        let (to_writer, frames) = mpsc::channel();
        let (report, written) = watch::channel(Written::default());
        std::thread::Builder::new().name("frames".to_owned()).spawn(move || write_frames(writer, &frames, &report))?;
        let buffer = Arc::new(Mutex::new(Zeroizing::new(Vec::with_capacity(FRAME_CAPACITY))));
        let outlet = Self {
            buffer,
            size: Arc::new(AtomicU32::new(0)),
            synchronised,
            to_writer,
            written,
            sent: 0,
            waiting: None,
        };
        outlet.resize(size);
        Ok(outlet)
    }

    /// The backend whose frames leave through here.
    pub fn backend(&self) -> BufferedBackend {
        BufferedBackend { pen: Pen::default(), buffer: Arc::clone(&self.buffer), size: Arc::clone(&self.size) }
    }

    /// What the backend gives as the size of the terminal from now on.
    pub fn resize(&self, size: Size) {
        self.size.store(u32::from(size.width) << 16 | u32::from(size.height), Ordering::Relaxed);
    }

    /// Whether all that was sent is written.
    pub fn is_ready(&self) -> bool {
        let written = self.written.borrow();
        !written.gone && written.count == self.sent
    }

    /// Waits until the terminal has taken what was sent.
    pub async fn ready(&mut self) -> Result<(), Gone> {
        let sent = self.sent;
        let written = self.written.wait_for(|written| written.gone || written.count == sent).await;
        if written.map_or(true, |written| written.gone) {
            return Err(Gone);
        }
        match self.waiting.take() {
            Some(bytes) => self.hand_over(bytes),
            None => Ok(()),
        }
    }

    /// Sends what was drawn since the last frame, as one write.
    pub fn end_frame(&mut self) -> Result<(), Gone> {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.is_empty() {
            return Ok(());
        }
        let mut frame = Zeroizing::new(Vec::with_capacity(buffer.len() + BEGIN.len() + END.len()));
        if self.synchronised {
            frame.extend_from_slice(BEGIN);
        }
        frame.extend_from_slice(&buffer);
        if self.synchronised {
            frame.extend_from_slice(END);
        }
        buffer.clear();
        drop(buffer);
        self.hand_over(frame)
    }

    /// Sends bytes beside the frames, now or as soon as the terminal has taken the last frame.
    pub fn send(&mut self, bytes: Bytes) -> Result<(), Gone> {
        if self.is_ready() {
            return self.hand_over(bytes);
        }
        self.waiting = Some(bytes);
        Ok(())
    }

    fn hand_over(&mut self, bytes: Bytes) -> Result<(), Gone> {
        self.sent += 1;
        self.to_writer.send(bytes).map_err(|_| Gone)
    }
}

fn write_frames(mut writer: impl Write, frames: &mpsc::Receiver<Bytes>, report: &watch::Sender<Written>) {
    while let Ok(frame) = frames.recv() {
        if let Err(error) = writer.write_all(&frame).and_then(|()| writer.flush()) {
            tracing::info!(%error, "the terminal takes no more frames");
            report.send_modify(|written| written.gone = true);
            return;
        }
        report.send_modify(|written| written.count += 1);
    }
}

/// A pen over memory. It knows the size from what the loop was told, so that a frame, the model and the terminal never
/// disagree, and asks the terminal nothing: an answer would get in the way of the key reader.
pub struct BufferedBackend {
    pen: Pen,
    buffer: FrameBuffer,
    size: Arc<AtomicU32>,
}

impl BufferedBackend {
    fn with_pen(&mut self, write: impl FnOnce(&mut Pen, &mut Vec<u8>)) {
        write(&mut self.pen, &mut self.buffer.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Backend for BufferedBackend {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        self.with_pen(|pen, out| pen.draw(out, content));
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.with_pen(|pen, out| pen.show_cursor(out, false));
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.with_pen(|pen, out| pen.show_cursor(out, true));
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.with_pen(|pen, out| pen.go_to(out, position.into()));
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    /// Only ever the whole screen: the interface has all of it.
    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        if region != ClearType::All {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let size = self.size()?;
        self.with_pen(|pen, out| pen.clear(out, size));
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        let size = self.size.load(Ordering::Relaxed);
        let [high, low] = [size >> 16, size & 0xffff].map(|half| u16::try_from(half).unwrap_or(u16::MAX));
        Ok(Size::new(high, low))
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
