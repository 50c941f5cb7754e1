from .base import Store as Store
from .ipfs import IpfsStore as IpfsStore
from .local import LocalStore as LocalStore
from .spec import StoreSpec as StoreSpec
