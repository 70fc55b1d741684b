"""Words before a number that say what it is. All are read right before it, with only blanks and marks in between."""

import re

_NUMBER = r"(?:[ ]?(?:numbers?|num|nr|no|ids?|codes?|\#|号码?|编号|号))"
_BETWEEN = r"[ \t.:\#(\[\"'是为=-]{0,4}\Z"

NUMBER_OF_A_THING = re.compile(
    rf"""
    (?:(?<![a-z])(?:order|invoice|tracking|serial|isbn(?:-?1[03])?|issn|ean|upc|gtin|doi|pmid|pmc|arxiv|sku|imei|qq|asin
          |oclc|cas|timestamp|tweet)
      |(?<![a-z])(?:ticket|ref|reference|item|part|model|patent|case|docket|batch|lot|version|build|release|article|product
          |catalog(?:ue)?|transaction|receipt|shipment|parcel|document) (?={_NUMBER})
      |订单|单号|运单|快递|流水|序列|货号|批次|批号|条码|型号|学号|工号|案号|专利|文号|期号|编号|编码|代码|书号|版本|群|发票|合同|邮编|票号|车次
    ){_NUMBER}?{_BETWEEN}
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Of an order, a parcel, a book: not of a person."""

OF_A_PHONE = re.compile(
    rf"""
    (?:(?<![a-z])(?:tele)?(?:phone|tel|fon)|(?<![a-z])(?:mobile|cell|fax|whatsapp|hotline|call|dial|ring|text|sms)
      |电话|手机|致电|拨打|来电|热线|传真|联系方式|座机|短信|微信|客服
    ){_NUMBER}?(?:[ ](?:me|us|him|her|them|now|at|on|to|is|was|free|today|back))*{_BETWEEN}
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Of a telephone."""
