//! Which mailbox an address means, with a plus-detail or without.

use sekisho_checkpoint::address::MailAddress;
use sekisho_checkpoint::ports::{Directory, DirectoryError};
use sekisho_checkpoint::{Account, AccountId};

/// The local part under which the site's own letters leave, so that their failures come back to nobody's mailbox.
pub(crate) const BOUNCES: &str = "mfa-bounce";

/// The accounts to which mail for an address goes: those of the address itself, else those of the address without its `+detail`.
pub(crate) async fn accounts_of(
    directory: &dyn Directory,
    address: &MailAddress,
) -> Result<Vec<AccountId>, DirectoryError> {
    let accounts = directory.recipients(address).await?;
    match without_detail(address) {
        Some(base) if accounts.is_empty() => directory.recipients(&base).await,
        _ => Ok(accounts),
    }
}

/// Whether an account may send in the name of an address: one of its own, or one of them with a detail.
pub(crate) fn may_send_as(account: &Account, address: &MailAddress) -> bool {
    let is_own = |address: &MailAddress| {
        let folded = address.folded();
        account.addresses.iter().any(|own| own.folded() == folded)
    };
    is_own(address) || without_detail(address).is_some_and(|base| is_own(&base))
}

fn without_detail(address: &MailAddress) -> Option<MailAddress> {
    let (base, _detail) = address.local().split_once('+')?;
    MailAddress::parse(&format!("{base}@{}", address.domain())).ok()
}
