from .comparing import Difference as Difference
from .comparing import differences as differences
from .document import Plan as Plan
from .document import Predecessor as Predecessor
from .document import Target as Target
from .document import read_plan as read_plan
