# Lists of mail, reading, writing

mail-write = New message
mail-folders = Folders
mail-manage-folders = Manage folders
mail-folder-drafts = Drafts
mail-folder-sent = Sent
mail-folder-archive = Archive
mail-folder-junk = Junk
mail-folder-trash = Trash
mail-folder-flagged = Flagged
mail-folder-all = All mail
mail-unread-count = { $count } unread

mail-search = Search mail
mail-search-go = Search
mail-search-end = Clear search
mail-found = { $count ->
    [one] One message found.
   *[other] { $count } messages found.
}
mail-nothing-found = Nothing found.
mail-empty = No mail here.
mail-with-chosen = With the selected messages
mail-choose-all = Select all
mail-choose = Select “{ $subject }”
mail-delete = Delete
mail-delete-for-good = Delete permanently
mail-mark-read = Mark as read
mail-mark-unread = Mark as unread
mail-move = Move
mail-move-to = Move to
mail-empty-trash = Empty Trash
mail-unread = Unread
mail-answered = Answered
mail-flagged = Flagged
mail-has-attachment = Has attachments
mail-nobody = (nobody)
mail-no-subject = (no subject)
mail-pages = Pages
mail-newer = Newer
mail-older = Older
mail-range = { $first }–{ $last } of { $total }

mail-done-deleted = { $count ->
    [one] The message is in the Trash.
   *[other] { $count } messages are in the Trash.
}
mail-done-moved = { $count ->
    [one] The message was moved.
   *[other] { $count } messages were moved.
}
mail-done-gone = { $count ->
    [one] The message was deleted permanently.
   *[other] { $count } messages were deleted permanently.
}
mail-done-undone = Undone.
mail-done-discarded = The draft is in the Trash.
mail-done-sent = The message was sent.
mail-done-sent-no-copy = The message was sent, but a copy could not be saved in Sent. You don't need to send it again.
mail-done-folder = The folders were changed.
mail-undo = Undo
mail-for-good-title = Delete permanently
mail-for-good-question = { $count ->
    [one] Delete one message permanently? This can't be undone.
   *[other] Delete { $count } messages permanently? This can't be undone.
}

mail-back-to-list = List
mail-back-to-message = Message
mail-attached-to = Attached to “{ $subject }”
mail-reply = Reply
mail-reply-all = Reply all
mail-forward = Forward
mail-previous = Previous
mail-next = Next
mail-from = From
mail-sender = Sender
mail-to = To
mail-cc = Cc
mail-bcc = Bcc
mail-date = Date
mail-subject = Subject
mail-text = Text
mail-no-text = This message has no text.
mail-text-too-long = The text is too long to show.
mail-download = Download
mail-files = Attachments
mail-source = Download the original (source)
mail-pictures-left-out = { $count ->
    [one] One picture from elsewhere is not shown.
   *[other] { $count } pictures from elsewhere are not shown.
} Showing them may tell the sender that you read this.
mail-pictures-show = Show pictures
mail-view-plain = View as text
mail-view-html = View as HTML
mail-odd-lettering = Confusing letters: { $domain }
mail-looks-like = Looks like { $domain }, but is not
mail-name-poses = The name “{ $name }” is another address
mail-unknown-charset = The character set “{ $name }” is unknown; this is a guess.
mail-damaged-text = Some characters could not be read.
mail-broken = This message is malformed; it is shown as it came. Download the original to see all of it.
mail-size-bytes = { $size } bytes
mail-size-kb = { $size } KB
mail-size-mb = { $size } MB

mail-attach = Attach
mail-attach-limit = Up to { $size } in total
mail-send = Send
mail-save-draft = Save draft
mail-discard = Discard
mail-not-sent = Not sent yet. What you wrote is saved in Drafts.
mail-kept = The message you were writing is back. Please choose the files to attach again.
mail-saved = Draft saved.
mail-autosaved = Draft saved at { $time }
mail-autosave-owed = You need to authenticate. What you wrote is kept; press “Save draft” to continue.
mail-autosave-failed = The draft could not be saved
mail-bad-address = Not a valid mail address: { $address }
mail-no-recipient = Enter at least one recipient.
mail-files-too-large = The files are too large. Choose fewer or smaller ones.
mail-message-too-large = The message is too large to be sent. Attach less.
mail-recipient-refused = { $address } was refused: { $why }
mail-refused = The server refused the message: { $why }
mail-unsendable = This text or these recipients can't be sent from this server.
mail-submission-away = The sending server can't be reached. Try again in a while.
mail-submission-gone = The connection broke while sending. The message may have been delivered: check before you send it again.
mail-quote-intro = { $time } { $name }:
mail-forwarded = Forwarded message

mail-folder-create = Create folder
mail-folder-name = Folder name
mail-folder-new-name = New name of “{ $name }”
mail-folder-rename = Rename
mail-folder-delete = Delete
mail-folder-hint = A “/” makes a folder inside a folder.
mail-folder-delete-question = Delete the folder “{ $name }” and the { $count } messages in it permanently? This can't be undone.
mail-folder-fault-empty = Enter a name for the folder.
mail-folder-fault-too-long = The name is too long.
mail-folder-fault-characters = The name has characters that aren't allowed (line breaks, *, % and the like).
mail-folder-fault-exists = There is already a folder of that name.
mail-folder-fault-refused = The server refused this. Try another name.
