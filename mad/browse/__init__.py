"""What has been run and declared, for a person to look at: ``mad ls``, ``mad show``, ``mad.load``."""
