<?php
// Roundcube with its defaults: sessions in the database (SQLite), no cache of messages.
$config['db_dsnw'] = 'sqlite:///@STATE@/roundcube/db.sqlite?mode=0640';
$config['imap_host'] = '127.0.0.1:@STORE_IMAP@';
$config['smtp_host'] = '127.0.0.1:@FAKE_SMTP@';
$config['des_key'] = 'loopback-benchmark-key24';
$config['product_name'] = 'bench';
$config['plugins'] = [];
$config['skin'] = 'elastic';
$config['log_dir'] = '@STATE@/roundcube/log/';
$config['temp_dir'] = '@STATE@/roundcube/temp/';
$config['language'] = 'en_US';
$config['enable_spellcheck'] = false;
