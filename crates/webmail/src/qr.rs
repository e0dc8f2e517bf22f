//! QR codes, drawn into the page as SVG. No server sees a link in one: a phone's camera reads it from the screen.

use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};

/// The width of the quiet zone around the code, in modules (ISO/IEC 18004, 5.3.8).
const QUIET: usize = 4;

/// A QR code of a text. `label` describes it for screen readers. Empty if the text is too long for a QR code.
pub(crate) fn draw(text: &str, label: &str) -> Markup {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        return html! {};
    };
    let width = code.width();
    let mut path = String::new();
    for (row, modules) in code.to_colors().chunks(width).enumerate() {
        for (column, _) in modules
            .iter()
            .enumerate()
            .filter(|(_, m)| **m == Color::Dark)
        {
            path.push_str(&format!("M{} {}h1v1h-1z", column + QUIET, row + QUIET));
        }
    }
    let side = width + 2 * QUIET;
    html! {
        svg.qr role="img" aria-label=(label) viewBox=(format!("0 0 {side} {side}")) shape-rendering="crispEdges" {
            path fill="#fff" d=(format!("M0 0h{side}v{side}H0z")) {}
            path fill="#000" d=(path) {}
        }
    }
}
