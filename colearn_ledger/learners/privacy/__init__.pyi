from .accountant import Privacy as Privacy
from .accountant import compute_epsilon as compute_epsilon
from .accountant import compute_noise as compute_noise
from .ledger import PrivacyLedger as PrivacyLedger
from .ledger import Spending as Spending
